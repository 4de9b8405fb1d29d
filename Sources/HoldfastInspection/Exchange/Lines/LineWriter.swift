#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine
import HoldfastSystem

/// Writes values of a heap that has been verified as JSON, following their `LineForm`s.
struct LineWriter {
    let access: HeapAccess
    let records: ExportedRecords
    /// Writes what has no form of its own.
    let encoder: JSONEncoder
    private(set) var line = JSONBuffer()

    init(_ access: HeapAccess, _ records: ExportedRecords, _ encoder: JSONEncoder) {
        self.access = access
        self.records = records
        self.encoder = encoder
    }

    /// Returns the line of one value.
    mutating func line(_ form: LineForm, at place: UInt64) throws -> String {
        line.removeAll()
        try write(form, place, 0)
        return line.text
    }

    /// Returns the line of one entry.
    mutating func line(_ key: LineForm, _ value: LineForm, at entry: EntryPlace) throws -> String {
        line.removeAll()
        try write(pair: entry, key, value, 0)
        return line.text
    }

    /// Returns the line of a record that only references lead to.
    mutating func line(object number: Int, _ form: LineForm, at block: UInt64) throws -> String {
        guard case .record(let record) = form.content else { return "" }
        line.removeAll()
        line.write("{\"object\":")
        line.write(number)
        line.write(",\"value\":")
        try write(record, block, number: nil, 0)
        line.write(UInt8(ascii: "}"))
        return line.text
    }

    /// Returns the line of the contents of a record, without its number.
    mutating func line(_ record: LineForm.RecordForm, atBlock block: UInt64) throws -> String {
        line.removeAll()
        try write(record, block, number: nil, 0)
        return line.text
    }

    /// The value is nested too deeply for JSON.
    struct NestedTooDeep: Error, CustomStringConvertible {
        var description: String { "it is nested more than \(Exchange.maximumDepth) levels deep" }
    }

    /// `depth` is the number of arrays and objects around the value.
    private mutating func write(_ form: LineForm, _ place: UInt64, _ depth: Int) throws {
        guard depth < Exchange.maximumDepth else { throw NestedTooDeep() }
        switch form.content! {
        case .native(let native): unsafe native.write(access.address(place, native.size), &line)
        case .string:
            unsafe access.load(place, as: StoredBytes.self).withBytes(access) {
                unsafe line.write(string: $0)
            }
        case .longString:
            let text = PersistentString.load(
                access.load(place, as: PersistentString.Stored.self), from: access)
            line.write(string: text.string)
        case .data: write(Data.load(access.load(place, as: StoredBytes.self), from: access))
        case .longData:
            let bytes = PersistentBytes.load(
                access.load(place, as: PersistentBytes.Stored.self), from: access)
            write(bytes.data)
        case .wideInteger(let isSigned):
            let value = access.load(place, as: StoredWideInteger.self)
            line.write(UInt8(ascii: "\""))
            if isSigned {
                line.write(Int128.load(value, from: access))
            } else {
                line.write(UInt128.load(value, from: access))
            }
            line.write(UInt8(ascii: "\""))
        case .duration:
            let value = access.load(place, as: StoredWideInteger.self)
            line.write(UInt8(ascii: "["))
            line.write(Int64(bitPattern: value.high))
            line.write(UInt8(ascii: ","))
            line.write(value.low)
            line.write(UInt8(ascii: "]"))
        case .range(let bound, let upperPlace):
            line.write(UInt8(ascii: "["))
            try write(bound, place, depth + 1)
            line.write(UInt8(ascii: ","))
            try write(bound, place + upperPlace, depth + 1)
            line.write(UInt8(ascii: "]"))
        case .optional(let wrapped, let distance, let isWrapped):
            guard access.load(place, as: UInt8.self) != 0 else { return line.write("null") }
            guard isWrapped else { return try write(wrapped, place + distance, depth) }
            line.write(UInt8(ascii: "["))
            try write(wrapped, place + distance, depth + 1)
            line.write(UInt8(ascii: "]"))
        case .box(let value): try write(value, access.load(place, as: UInt64.self), depth)
        case .plain(let layout): unsafe write(layout, access.address(place, layout.size))
        case .reference(let number):
            line.write("{\"ref\":")
            line.write(number(records, access.load(place, as: UInt64.self)))
            line.write(UInt8(ascii: "}"))
        case .emptyList: line.write("[]")
        case .member: line.write(place)
        case .other(let value):
            let value = value(access, place)
            let data = try DeepStack.run(needing: DeepStack.foreignBytes) {
                try encoder.encode(value)
            }
            line.write(raw: data)
        case .record, .union, .list, .entries:
            try DeepStack.run { try write(nesting: form, place, depth) }
        }
    }

    private mutating func write(_ data: Data) {
        line.write(UInt8(ascii: "\""))
        line.write(raw: data.base64EncodedData())
        line.write(UInt8(ascii: "\""))
    }

    // MARK: Values with values in them

    private mutating func write(nesting form: LineForm, _ place: UInt64, _ depth: Int) throws {
        switch form.content! {
        case .record(let record):
            let block = access.load(place, as: UInt64.self)
            try write(record, block, number: record.number(records, block), depth)
        case .union(let cases): try write(cases, place, depth)
        case .list(let load, let element):
            let list = load(access, place)
            line.write(UInt8(ascii: "["))
            for index in 0 ..< list.count {
                if index > 0 { line.write(UInt8(ascii: ",")) }
                try write(element, list.elementPlace(index), depth + 1)
            }
            line.write(UInt8(ascii: "]"))
        case .entries(let entries):
            try write(entries, entries.load(access, place), depth)
        default: break
        }
    }

    /// Writes an object with the fields in the order of their names. They are visited in their own
    /// order, in which referenced records get their numbers.
    private mutating func write(
        _ record: LineForm.RecordForm, _ block: UInt64, number: Int?, _ depth: Int
    ) throws {
        record.require(access, block)
        line.write(UInt8(ascii: "{"))
        var parts: [JSONBuffer.Part] = []
        parts.reserveCapacity(record.fields.count + 1)
        for field in record.fields {
            let start = line.count
            line.write(raw: field.label)
            try write(field.form, block + field.place, depth + 1)
            parts.append(start ..< line.count)
        }
        guard let number else {
            line.arrange(parts, record.order)
            return line.write(UInt8(ascii: "}"))
        }
        let start = line.count
        line.write("\"#\":")
        line.write(number)
        parts.append(start ..< line.count)
        var order = record.order
        order.insert(record.fields.count, at: record.numberRank)
        line.arrange(parts, order)
        line.write(UInt8(ascii: "}"))
    }

    private mutating func write(_ cases: [LineForm.CaseForm], _ place: UInt64, _ depth: Int) throws
    {
        let stored = access.load(place, as: StoredUnion.self)
        guard stored.number < cases.count else {
            throw ExchangeProblem(
                "there is no case \(stored.number): \(cases.count) cases are described")
        }
        let entry = cases[Int(stored.number)]
        line.write("{\"case\":")
        line.write(raw: entry.label)
        if !entry.values.isEmpty {
            line.write(",\"values\":[")
            for (index, value) in entry.values.enumerated() {
                if index > 0 { line.write(UInt8(ascii: ",")) }
                try write(value.form, stored.payload + value.place, depth + 2)
            }
            line.write(UInt8(ascii: "]"))
        }
        line.write(UInt8(ascii: "}"))
    }

    private mutating func write(
        _ form: LineForm.EntriesForm, _ entries: any InspectableEntries, _ depth: Int
    ) throws {
        if form.isObject, let value = form.value {
            return try write(members: entries, value, depth)
        }
        let (key, value) = (form.key, form.value)
        line.write(UInt8(ascii: "["))
        var isFirst = true
        try entries.forEachPlace { entry in
            if !isFirst { line.write(UInt8(ascii: ",")) }
            isFirst = false
            if let value {
                try write(pair: entry, key, value, depth + 1)
            } else {
                try write(key, entry.key, depth + 1)
            }
        }
        line.write(UInt8(ascii: "]"))
    }

    private mutating func write(
        pair entry: EntryPlace, _ key: LineForm, _ value: LineForm, _ depth: Int
    ) throws {
        line.write(UInt8(ascii: "["))
        try write(key, entry.key, depth + 1)
        line.write(UInt8(ascii: ","))
        try write(value, entry.value, depth + 1)
        line.write(UInt8(ascii: "]"))
    }

    /// Writes an object with an entry's key as the name of its value, in the order of the names.
    private mutating func write(
        members entries: any InspectableEntries, _ value: LineForm, _ depth: Int
    ) throws {
        line.write(UInt8(ascii: "{"))
        var parts: [JSONBuffer.Part] = []
        var names: [[UInt8]] = []
        try entries.forEachPlace { entry in
            let start = line.count
            unsafe access.load(entry.key, as: StoredBytes.self).withBytes(access) { name in
                unsafe names.append(Array(name))
                unsafe line.write(string: name)
            }
            line.write(UInt8(ascii: ":"))
            try write(value, entry.value, depth + 1)
            parts.append(start ..< line.count)
        }
        line.arrange(
            parts, names.indices.sorted { names[$0].lexicographicallyPrecedes(names[$1]) })
        line.write(UInt8(ascii: "}"))
    }

    // MARK: Plain structs

    private mutating func write(_ layout: PlainLayout, _ bytes: UnsafeRawPointer) {
        switch layout.content {
        case .native:
            unsafe layout.writer?.write(bytes, &line)
        case .fields(let fields):
            line.write(UInt8(ascii: "{"))
            for (index, number) in layout.nameOrder.enumerated() {
                if index > 0 { line.write(UInt8(ascii: ",")) }
                line.write(string: fields[number].name)
                line.write(UInt8(ascii: ":"))
                unsafe write(fields[number].layout, bytes + fields[number].offset)
            }
            line.write(UInt8(ascii: "}"))
        case .elements(let element, let count, let stride):
            line.write(UInt8(ascii: "["))
            for index in 0 ..< count {
                if index > 0 { line.write(UInt8(ascii: ",")) }
                unsafe write(element, bytes + index * stride)
            }
            line.write(UInt8(ascii: "]"))
        case .optional(let wrapped):
            if unsafe bytes.load(fromByteOffset: wrapped.size, as: UInt8.self) != 0 {
                line.write("null")
            } else {
                unsafe write(wrapped, bytes)
            }
        case .opaque:
            line.write("{\"bytes\":")
            unsafe write(Data(bytes: bytes, count: layout.size))
            line.write(UInt8(ascii: "}"))
        }
    }
}
