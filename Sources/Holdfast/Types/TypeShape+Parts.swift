import HoldfastSystem

/// What identifies a record's layout, whatever the types of its fields are called.
struct RecordOutline: Hashable {
    let name: String
    let fields: [String]
    let offsets: [Int]
    let bytes: Int

    init(_ name: String, _ fields: [TypeShape.Field], _ bytes: Int) {
        self.name = name
        self.fields = fields.map(\.name)
        offsets = fields.map(\.offset)
        self.bytes = bytes
    }
}

extension TypeShape {
    /// The parts that the shape consists of directly.
    private var parts: [TypeShape] {
        switch self {
        case .named, .opaque: []
        case .generic(_, let parameters): parameters
        case .optional(let wrapped): [wrapped]
        case .structure(_, let fields, _), .record(_, let fields, _): fields.map(\.type)
        case .enumeration(_, let raw): [raw]
        case .union(_, let cases): cases.flatMap(\.payload)
        }
    }

    /// Returns whether the shape or a part of it satisfies `condition`.
    package func contains(_ condition: (TypeShape) -> Bool) -> Bool {
        condition(self) || DeepStack.run { parts.contains { $0.contains(condition) } }
    }

    /// The outline of a record; nil for any other type.
    private var outline: RecordOutline? {
        guard case .record(let name, let fields, let bytes) = self else { return nil }
        return RecordOutline(name, fields, bytes)
    }

    /// The records that are parts of the shape.
    var records: [RecordOutline] {
        var found: [RecordOutline] = []
        _ = contains { part in
            if let outline = part.outline { found.append(outline) }
            return false
        }
        return found
    }

    /// The shape of the record that a `HeapRef` or a `SharedRef` leads to; nil for any other type.
    private var referenceTarget: TypeShape? {
        guard case .generic(let kind, let targets) = self, ["Ref", "Shared"].contains(kind) else {
            return nil
        }
        return targets.first
    }

    /// The names of the records that a `HeapRef` or a `SharedRef` in the shape leads to.
    var referencedTypes: Set<String> {
        var found: Set<String> = []
        _ = contains { part in
            if let target = part.referenceTarget { found.insert(target.name) }
            return false
        }
        return found
    }

    /// Returns the first record of these that a `HeapRef` or a `SharedRef` leads to.
    func reference(to records: [RecordOutline]) -> String? {
        var found: String?
        _ = contains { part in
            guard let target = part.referenceTarget else { return false }
            if case .named(let name) = target {
                found = records.first { $0.name == name }?.name
            } else if let outline = target.outline, records.contains(outline) {
                found = outline.name
            }
            return found != nil
        }
        return found
    }
}
