import HoldfastEngine

extension HeapRecord {
    /// Encodes an object with the fields' names. In an export, a record that references lead to
    /// also has its number, as `"#"`.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        let number = ExportedRecords.find(in: encoder)?.number(ofOwned: stored.offset, Self.self)
        try encodeFields(at: stored.offset, from: access, to: encoder, number: number)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try decodeRecord(from: decoder, in: access)
    }

    package static func decodeRecord(
        from decoder: any Decoder, in access: HeapAccess
    ) throws -> Stored {
        let container = try decoder.container(keyedBy: Name.self)
        var place: UInt64?
        if container.contains(Exchange.numberName) {
            let number = try container.decode(Int.self, forKey: Exchange.numberName)
            place = try ImportedRecords.require(in: decoder).place(ofOwned: number, Self.self)
        }
        let offset = place ?? makeBlock(in: access)
        try decodeFields(at: offset, from: decoder, in: access, orNumber: true)
        return Stored(offset: offset)
    }

    package static func encodeFields(
        at offset: UInt64, from access: HeapAccess, to encoder: any Encoder, number: Int?
    ) throws {
        let layout = RecordLayout.of(Self.self)
        layout.require(offset, access)
        var container = encoder.container(keyedBy: Name.self)
        if let number { try container.encode(number, forKey: Exchange.numberName) }
        for field in layout.fields { try field.encode(at: offset, access, to: &container) }
    }

    /// Fills the block of a record whose fields are zeros.
    package static func decodeFields(
        at offset: UInt64, from decoder: any Decoder, in access: HeapAccess, orNumber: Bool
    ) throws {
        let fields = RecordLayout.of(Self.self).fields
        let container = try decoder.container(of: fields.map(\.name), orNumber: orNumber)
        for field in fields { try field.decode(at: offset, access, from: container, decoder) }
    }
}

extension RecordLayout.Field {
    func encode(
        at block: UInt64, _ access: HeapAccess, to container: inout KeyedEncodingContainer<Name>
    ) throws {
        try encode(valueType, block, access, &container)
    }

    func decode(
        at block: UInt64, _ access: HeapAccess, from container: KeyedDecodingContainer<Name>,
        _ decoder: any Decoder
    ) throws {
        // A block of zeros already holds nil there.
        if !container.contains(Name(name)), valueType is any AnyOptional.Type { return }
        guard container.contains(Name(name)) else {
            throw decoder.problem("the field \(name) is missing")
        }
        try decode(valueType, block, access, container)
    }

    private func encode<T: Persistable>(
        _ type: T.Type, _ block: UInt64, _ access: HeapAccess,
        _ container: inout KeyedEncodingContainer<Name>
    ) throws {
        let stored = access.load(block + UInt64(offset), as: T.Stored.self)
        try container.encode(StoredEncodable(stored, type, access), forKey: Name(name))
    }

    private func decode<T: Persistable>(
        _ type: T.Type, _ block: UInt64, _ access: HeapAccess,
        _ container: KeyedDecodingContainer<Name>
    ) throws {
        access.store(
            try container.decode(StoredDecodable<T>.self, forKey: Name(name)).stored, of: type,
            at: block + UInt64(offset))
    }
}

// MARK: Enums with payloads

extension HeapUnion {
    /// Encodes the name of the case, and its payload as an array. If an earlier case has the same
    /// name, its number replaces the name.
    public static func encode(
        _ stored: StoredUnion, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        let cases = cases
        guard stored.number < cases.count else {
            throw ExchangeProblem(
                "\(Self.self) has no case \(stored.number): this program lists \(cases.count) cases"
            )
        }
        let entry = cases[Int(stored.number)]
        var container = encoder.container(keyedBy: Name.self)
        if cases.firstIndex(where: { $0.name == entry.name }) == Int(stored.number) {
            try container.encode(entry.name, forKey: Name("case"))
        } else {
            try container.encode(stored.number, forKey: Name("case"))
        }
        guard !entry.payload.isEmpty else { return }
        var values = container.nestedUnkeyedContainer(forKey: Name("values"))
        for part in entry.payload { try part.encode(at: stored.payload, access, to: &values) }
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredUnion
    {
        let container = try decoder.container(of: ["case", "values"])
        let cases = cases
        guard let number = try number(in: container, cases) else {
            throw decoder.problem("this program's \(Self.self) has no such case")
        }
        let entry = cases[number]
        guard entry.byteCount > 0 else {
            if container.contains(Name("values")) {
                throw decoder.problem("the case \(entry.name) has no values")
            }
            return StoredUnion(number: UInt32(number), payload: 0)
        }
        let block = access.allocateZeros(byteCount: entry.byteCount, alignment: 8)
        var values = try container.nestedUnkeyedContainer(forKey: Name("values"))
        for part in entry.payload { try part.decode(at: block, access, from: &values) }
        try values.requireEnd()
        return StoredUnion(number: UInt32(number), payload: block)
    }

    private static func number(
        in container: KeyedDecodingContainer<Name>, _ cases: [UnionCase<Self>]
    ) throws -> Int? {
        if let number = try? container.decode(Int.self, forKey: Name("case")) {
            return cases.indices.contains(number) ? number : nil
        }
        let name = try container.decode(String.self, forKey: Name("case"))
        return cases.firstIndex { $0.name == name }
    }
}

extension UnionPayloadPart {
    func encode(
        at block: UInt64, _ access: HeapAccess, to container: inout any UnkeyedEncodingContainer
    ) throws {
        func encode<T: Persistable>(_ type: T.Type, _ container: inout any UnkeyedEncodingContainer)
            throws
        {
            try container.encode(
                StoredEncodable(
                    access.load(block + UInt64(offset), as: T.Stored.self), type, access))
        }
        try encode(valueType, &container)
    }

    func decode(
        at block: UInt64, _ access: HeapAccess, from container: inout any UnkeyedDecodingContainer
    ) throws {
        func decode<T: Persistable>(_ type: T.Type, _ container: inout any UnkeyedDecodingContainer)
            throws
        {
            access.store(
                try container.decode(StoredDecodable<T>.self).stored, of: type,
                at: block + UInt64(offset))
        }
        try decode(valueType, &container)
    }
}

// MARK: References

private enum Reference {
    static let name = Name("ref")

    static func encode<Record: HeapRecord>(
        _ place: UInt64, _ type: Record.Type, to encoder: any Encoder
    ) throws {
        guard let records = ExportedRecords.find(in: encoder) else {
            throw ExchangeProblem(
                "a reference can only be encoded by an export, which also writes its target")
        }
        var container = encoder.container(keyedBy: Name.self)
        try container.encode(records.number(of: place, type), forKey: name)
    }

    static func decode<Record: HeapRecord>(
        _ type: Record.Type, shares: Bool, from decoder: any Decoder
    ) throws
        -> RelativePointer<StoredRecord>
    {
        let number = try decoder.container(of: [name.stringValue]).decode(Int.self, forKey: name)
        return RelativePointer(
            offset: try ImportedRecords.require(in: decoder).place(
                ofMention: number, type, shares: shares))
    }
}

extension HeapRef {
    /// Encodes the number of the record, which the export writes where it is owned or on a line of
    /// its own.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try Reference.encode(stored.offset, Target.self, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try Reference.decode(Target.self, shares: false, from: decoder)
    }
}

extension SharedRef {
    /// Encodes the number of the record, which the export writes on a line of its own.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try Reference.encode(stored.offset, Target.self, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        try Reference.decode(Target.self, shares: true, from: decoder)
    }
}
