import Foundation
import HoldfastInspection
import Testing

/// What a root of a test's heap looks like, so that its JSON can be told apart.
indirect enum DifferenceForm: Sendable {
    case leaf
    case fields([String: DifferenceForm])
    case list(DifferenceForm)
    case map(DifferenceForm)
    case set
    case union([String: [DifferenceForm]])
    case optional(DifferenceForm)
    /// A table of such rows.
    case table(DifferenceForm)
}

/// A value of a heap in memory, to which changes are applied.
indirect enum DifferenceTree: Equatable {
    case leaf(String)
    case fields([String: DifferenceTree])
    case list([DifferenceTree])
    case map([String: DifferenceTree])
    case set(Set<String>)
    case union(String, [DifferenceTree])

    struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: Reading JSON

    /// JSON in a form that is the same for equal values.
    static func canonical(_ json: Any) throws -> String {
        String(
            decoding: try JSONSerialization.data(
                withJSONObject: json, options: [.fragmentsAllowed, .sortedKeys]), as: UTF8.self)
    }

    static func json(_ text: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }

    init(text: String, _ form: DifferenceForm) throws { try self.init(Self.json(text), form) }

    init(_ json: Any, _ form: DifferenceForm) throws {
        func cast<T>(_ type: T.Type) throws -> T {
            guard let value = json as? T else { throw Mismatch(description: "\(json)") }
            return value
        }
        switch form {
        case .leaf: self = .leaf(try Self.canonical(json))
        case .optional(let wrapped):
            self = json is NSNull ? .leaf("null") : try DifferenceTree(json, wrapped)
        case .fields(let forms):
            let object = try cast([String: Any].self)
            self = .fields(
                try forms.reduce(into: [:]) { fields, field in
                    fields[field.key] = try DifferenceTree(
                        try #require(object[field.key]), field.value)
                })
        case .list(let element):
            self = .list(try cast([Any].self).map { try DifferenceTree($0, element) })
        case .set: self = .set(Set(try cast([Any].self).map(Self.canonical)))
        case .map(let value):
            var entries: [String: DifferenceTree] = [:]
            if let object = json as? [String: Any] {
                for (key, member) in object {
                    entries[try Self.canonical(key)] = try DifferenceTree(member, value)
                }
            } else {
                for pair in try cast([[Any]].self) {
                    entries[try Self.canonical(pair[0])] = try DifferenceTree(pair[1], value)
                }
            }
            self = .map(entries)
        case .union(let cases):
            let object = try cast([String: Any].self)
            let name = try #require(object["case"] as? String)
            let values = object["values"] as? [Any] ?? []
            self = .union(
                name, try zip(values, try #require(cases[name])).map { try DifferenceTree($0, $1) })
        case .table(let row):
            let rows = try #require(try cast([String: Any].self)["rows"])
            self = try DifferenceTree(rows, .map(row))
        }
    }

    static func empty(_ form: DifferenceForm) -> DifferenceTree {
        switch form {
        case .list: .list([])
        case .map, .table: .map([:])
        case .set: .set([])
        default: .leaf("\"\"")
        }
    }

    // MARK: Changing

    /// Applies a change, and expects that it tells the old value.
    mutating func apply(
        _ change: HeapChange, at path: ArraySlice<HeapChange.Part>, _ form: DifferenceForm
    ) throws {
        if case .optional(let wrapped) = form, !path.isEmpty {
            return try apply(change, at: path, wrapped)
        }
        guard let part = path.first else {
            try requireOld(self, change, form)
            self = try DifferenceTree(text: try #require(change.new), form)
            return
        }
        let rest = path.dropFirst()
        switch (self, part, form) {
        case (.fields(var fields), .field(let name), .fields(let forms)):
            var field = try #require(fields[name])
            try field.apply(change, at: rest, try #require(forms[name]))
            fields[name] = field
            self = .fields(fields)
        case (.union(let name, var values), .payload(let other, let number), .union(let cases)):
            #expect(name == other)
            try values[number].apply(change, at: rest, try #require(cases[name])[number])
            self = .union(name, values)
        case (.list(var elements), .index(let index), .list(let element)):
            try Self.apply(change, to: &elements, index, rest, element)
            self = .list(elements)
        case (.map(var entries), .key(let key), .map(let value)),
            (.map(var entries), .key(let key), .table(let value)):
            let key = try Self.canonical(try Self.json(key))
            if rest.isEmpty, change.kind != .changed {
                #expect((entries[key] == nil) == (change.kind == .added), "\(change)")
                if let old = entries[key] { try Self.requireOld(old, change, value) }
                entries[key] = try change.new.map { try DifferenceTree(text: $0, value) }
            } else {
                var entry = try #require(entries[key], "\(change)")
                try entry.apply(change, at: rest, value)
                entries[key] = entry
            }
            self = .map(entries)
        case (.set(var elements), .key(let key), .set):
            let key = try Self.canonical(try Self.json(key))
            #expect(rest.isEmpty && change.old == nil && change.new == nil)
            let isNew = change.kind == .added
            #expect(elements.contains(key) != isNew, "\(change)")
            if isNew { elements.insert(key) } else { elements.remove(key) }
            self = .set(elements)
        default: throw Mismatch(description: "\(change) does not fit \(self)")
        }
    }

    private static func apply(
        _ change: HeapChange, to elements: inout [DifferenceTree], _ index: Int,
        _ rest: ArraySlice<HeapChange.Part>, _ form: DifferenceForm
    ) throws {
        guard rest.isEmpty, change.kind != .changed else {
            return try elements[index].apply(change, at: rest, form)
        }
        if change.kind == .added {
            elements.insert(try DifferenceTree(text: try #require(change.new), form), at: index)
        } else {
            try requireOld(elements.remove(at: index), change, form)
        }
    }

    private func requireOld(_ old: DifferenceTree, _ change: HeapChange, _ form: DifferenceForm)
        throws
    {
        try Self.requireOld(old, change, form)
    }

    private static func requireOld(
        _ old: DifferenceTree, _ change: HeapChange, _ form: DifferenceForm
    ) throws {
        let said = try DifferenceTree(text: try #require(change.old), form)
        #expect(said == old, "\(change)")
    }
}
