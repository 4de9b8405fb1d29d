import Swift

/// Facts about enums that Swift's reflection does not provide. They are read from the type's
/// metadata, whose layout is part of Swift's stable ABI (docs/ABI/TypeMetadata.rst): the kind, then
/// the descriptor, whose fifth word leads to the fields and whose sixth and seventh count the
/// cases.
enum EnumMetadata {
    /// A case with associated values. Several values form one tuple.
    struct Payload {
        let name: String
        /// Nil if the metadata does not lead to the type, as in a program that is built without
        /// reflection.
        let type: Any.Type?
    }

    private static let enumKind: UInt = 0x201

    private static func descriptor(of type: Any.Type) -> UnsafeRawPointer? {
        let metadata = unsafeBitCast(type, to: UnsafePointer<UInt>.self)
        return metadata[0] == enumKind ? UnsafeRawPointer(bitPattern: metadata[1]) : nil
    }

    private static func counts(_ descriptor: UnsafeRawPointer) -> (payloads: Int, others: Int) {
        let words = descriptor.assumingMemoryBound(to: UInt32.self)
        return (Int(words[5] & 0xff_ffff), Int(words[6]))
    }

    /// Returns the number of cases of an enum without associated values, or nil for other types.
    static func plainCases(of type: Any.Type) -> Int? {
        guard let descriptor = descriptor(of: type) else { return nil }
        let (payloads, others) = counts(descriptor)
        return payloads == 0 ? others : nil
    }

    /// Returns the enum's cases with associated values. Empty if there are none or the type is not
    /// an enum.
    static func payloads(of type: Any.Type) -> [Payload] {
        guard let descriptor = descriptor(of: type) else { return [] }
        let count = counts(descriptor).payloads
        let place = descriptor + 16
        // The header of the fields: two relative addresses, the kind and the size of a field record
        // in 16 bits each, the number of field records. Cases with payloads come first.
        guard place.load(as: Int32.self) != 0, case let fields = relative(place),
            fields.load(fromByteOffset: 12, as: UInt32.self) >= count
        else { return (0 ..< count).map { Payload(name: "\($0)", type: nil) } }
        let recordBytes = Int(fields.load(fromByteOffset: 10, as: UInt16.self))
        return (0 ..< count).map { number in
            // A field record: flags, the mangled type, the name.
            let record = fields + 16 + number * recordBytes
            let name = String(cString: relative(record + 8).assumingMemoryBound(to: CChar.self))
            return Payload(name: name, type: namedType(at: record + 4, of: type, descriptor))
        }
    }

    /// Returns the names of the cases of an enum without associated values, in the order of their
    /// numbers. Nil for other types, and for programs that are built without reflection.
    static func plainNames(of type: Any.Type) -> [String]? {
        guard let cases = plainCases(of: type), let descriptor = descriptor(of: type) else {
            return nil
        }
        let place = descriptor + 16
        guard place.load(as: Int32.self) != 0, case let fields = relative(place),
            fields.load(fromByteOffset: 12, as: UInt32.self) == cases
        else { return nil }
        let recordBytes = Int(fields.load(fromByteOffset: 10, as: UInt16.self))
        return (0 ..< cases).map { number in
            let name = relative(fields + 16 + number * recordBytes + 8)
            return String(cString: name.assumingMemoryBound(to: CChar.self))
        }
    }

    private static let tupleKind: UInt = 0x301

    /// Returns the labels of a payload: for a tuple one for each value, empty where there is none.
    /// Empty for a single value without a label.
    static func labels(of payload: Any.Type) -> [String] {
        // The metadata of a tuple: the kind, the number of elements, and the address of their
        // labels, each followed by a blank.
        let metadata = unsafeBitCast(payload, to: UnsafePointer<UInt>.self)
        guard metadata[0] == tupleKind, let text = UnsafePointer<CChar>(bitPattern: metadata[2])
        else { return [] }
        let labels = String(cString: text).split(separator: " ", omittingEmptySubsequences: false)
        return labels.prefix(Int(metadata[1])).map { String($0) }
    }

    /// Follows an address that is stored as the distance from its own place.
    private static func relative(_ place: UnsafeRawPointer) -> UnsafeRawPointer {
        place + Int(place.load(as: Int32.self))
    }

    private static func namedType(
        at place: UnsafeRawPointer, of type: Any.Type, _ descriptor: UnsafeRawPointer
    ) -> Any.Type? {
        guard place.load(as: Int32.self) != 0 else { return nil }
        let mangled = relative(place).assumingMemoryBound(to: UInt8.self)
        // Two words of metadata precede the arguments of a generic enum.
        let arguments = unsafeBitCast(type, to: UnsafeRawPointer.self) + 2 * MemoryLayout<UInt>.size
        return _getTypeByMangledNameInContext(
            mangled, UInt(length(of: mangled)), genericContext: descriptor,
            genericArguments: arguments)
    }

    /// A mangled name ends with a zero byte and may contain references: 1 to 23 and four bytes, or
    /// 24 to 31 and a word.
    private static func length(of name: UnsafePointer<UInt8>) -> Int {
        var end = 0
        while name[end] != 0 {
            switch name[end] {
            case 1 ..< 0x18: end += 5
            case 0x18 ..< 0x20: end += 1 + MemoryLayout<UInt>.size
            default: end += 1
            }
        }
        return end
    }
}
