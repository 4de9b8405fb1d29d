#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
@_spi(Reflection) import Swift

import HoldfastEngine
import HoldfastSystem

/// A description of how a root's type is stored, the same in every process:
/// `Map<String, Array<Posting{file: Int32 @0, line: Int32 @4; 8 bytes}>>`.
///
/// The heap keeps it with the root, and a root can only be opened as a type with the same
/// description. ``TypeShape`` explains and parses the syntax.
public struct TypeDescription: Hashable, Sendable, CustomStringConvertible {
    /// The description itself.
    public let text: String

    /// Creates a description from its text.
    public init(_ text: String) { self.text = text }

    public var description: String { text }

    /// The description as a tree, or nil if the text is not a valid description.
    public var shape: TypeShape? { TypeShape(parsing: text) }

    /// Describes the bytes of a plain struct: names, types and offsets of its fields, including
    /// nested ones. Throws `notStorable` for pointers, references and functions, which have no
    /// meaning in another process.
    init<T: BitwiseCopyable>(layoutOf type: T.Type) throws(HeapError) {
        var layout = LayoutText(root: Self.name(of: type))
        try layout.add(type, path: "", isRoot: true)
        text = layout.text
    }

    /// The maximum nesting of types in a description. A parser of descriptions goes no deeper.
    static let mostLevels = 200

    /// The depth at which this thread is describing a type.
    @TaskLocal private static var level = 0

    /// Returns the description of a type as part of another description. A generic type can be
    /// nested in itself as often as a program likes, so this throws `notStorable` beyond
    /// `mostLevels`.
    package static func text(of type: any Persistable.Type) throws(HeapError) -> String {
        let level = level + 1
        guard level < mostLevels - 1 else {
            throw HeapError.notStorable(
                type: String("\(type)".prefix(80)),
                reason:
                    "it is part of a type that is nested \(mostLevels) or more levels deep")
        }
        return try $level.withValue(level) {
            Result { () throws(HeapError) in
                try DeepStack.run { () throws(HeapError) in try type.describe().text }
            }
        }.get()
    }

    /// The records that this thread is describing. A record that is reached again inside itself is
    /// only named.
    @TaskLocal static var enclosingRecords: [ObjectIdentifier] = []

    /// The unions that this thread is describing, each with the number of records around it.
    @TaskLocal private static var unions: [ObjectIdentifier: Int] = [:]

    /// Describes a union with `body`. Throws `notStorable` if the union is already being described
    /// with no further record in between; such a record would be named when it is reached again.
    static func describing(
        _ union: any Persistable.Type, _ body: () throws(HeapError) -> TypeDescription
    ) throws(HeapError) -> TypeDescription {
        let records = enclosingRecords.count
        var unions = unions
        guard unions.updateValue(records, forKey: ObjectIdentifier(union)) != records else {
            throw HeapError.notStorable(
                type: "\(union)",
                reason: "one of its cases contains a \(union) itself; wrap that in a "
                    + "HeapRecord")
        }
        return try $unions.withValue(unions) { Result(catching: body) }.get()
    }

    /// Returns the name of a type in descriptions.
    static func name(of type: Any.Type) -> String {
        (type as? any PersistableNamed.Type)?.storedName ?? "\(type)"
    }

    /// Returns the first difference from a stored description, as text.
    func difference(fromStored stored: String) -> String {
        guard let mine = shape, let theirs = TypeShape(parsing: stored),
            let found = theirs.difference(from: mine)
        else {
            return "\(stored) in the file, \(text) in this program"
        }
        return found
    }
}

/// Writes the layout of a type by reflection.
private struct LayoutText {
    let root: String
    var text = ""
    private var level: Int

    init(root: String, level: Int = 0) {
        self.root = root
        self.level = level
    }

    mutating func add(_ type: Any.Type, path: String, isRoot: Bool = false) throws(HeapError) {
        level += 1
        defer { level -= 1 }
        guard level < TypeDescription.mostLevels else {
            throw HeapError.notStorable(
                type: root,
                reason: "its fields are nested \(TypeDescription.mostLevels) levels deep or more")
        }
        try DeepStack.run { () throws(HeapError) in try addNext(type, path, isRoot) }
    }

    private mutating func addNext(
        _ type: Any.Type, _ path: String, _ isRoot: Bool
    ) throws(HeapError) {
        if let problem = Self.problem(with: type) {
            let place = path.isEmpty ? "it is" : "its field \(path) is"
            throw HeapError.notStorable(
                type: root,
                reason: "\(place) \(problem) (\(type)), which has no meaning in another process")
        }
        if let optional = type as? any AnyOptional.Type {
            try add(optional.wrappedType, path: path)
            text += "?"
        } else if !isRoot, let persistable = type as? any Persistable.Type,
            !(type is any LaidOutBySwift.Type)
        {
            // A nested field has Swift's layout, so only types that are stored unchanged describe
            // it correctly.
            if let plain = persistable as? any HeapStruct.Type {
                text += try TypeDescription.text(of: plain)
            } else {
                // Its fields are checked too, because its bytes are stored as they are in memory,
                // including any handles.
                var scratch = LayoutText(root: root, level: level)
                try scratch.addFields(of: type, path: path)
                text += Self.isKnownPlain(type) ? TypeDescription.name(of: type) : Self.opaque(type)
            }
        } else {
            try addFields(of: type, path: path)
        }
    }

    /// Checks the associated values of an enum's cases, which are not described.
    private func checkPayloads(of type: Any.Type, path: String) throws(HeapError) {
        for payload in EnumMetadata.payloads(of: type) {
            let place = path.isEmpty ? payload.name : "\(path).\(payload.name)"
            guard let payloadType = payload.type else {
                throw HeapError.notStorable(
                    type: root,
                    reason:
                        "its field \(place) is of a type that this program's reflection does not "
                        + "tell"
                )
            }
            var scratch = LayoutText(root: root, level: level)
            try scratch.add(payloadType, path: place)
        }
    }

    private mutating func addFields(of type: Any.Type, path: String) throws(HeapError) {
        var fields: [(name: String, offset: Int, type: Any.Type)] = []
        // Reflection has no name for the element of an inline array, unless it is a persistable
        // struct.
        let isInspectable =
            !"\(type)".hasPrefix("InlineArray<")
            && _forEachField(of: type) { name, offset, fieldType, _ in
                fields.append((String(cString: name), offset, fieldType))
                return true
            }
        text += TypeDescription.name(of: type)
        guard isInspectable, !fields.isEmpty else {
            // An enum, or a system type without fields. Its name and size must suffice.
            TypeNotes.collected?.add(plain: type)
            try checkPayloads(of: type, path: path)
            if let array = type as? any AnyInlineArray.Type {
                var scratch = LayoutText(root: root, level: level)
                try scratch.add(array.elementType, path: path)
            }
            text += Self.opaqueBytes(of: type)
            return
        }
        // The compiler's built-in types for numbers and vectors give no information, not even their
        // size.
        if fields.contains(where: {
            "\($0.type)".hasPrefix("Builtin.") && Self.problem(with: $0.type) == nil
        }) {
            for field in fields where Self.problem(with: field.type) != nil {
                try add(field.type, path: path)
            }
            text += Self.opaqueBytes(of: type)
            return
        }
        text += "{"
        let storedNames = PlainField.names(of: type)
        for (index, field) in fields.enumerated() {
            if index > 0 { text += ", " }
            // Elements of a tuple without labels are called ".0" and so on, or have an empty name.
            let name =
                storedNames[field.offset]
                ?? (field.name.isEmpty
                    ? "\(index)"
                    : field.name.hasPrefix(".") ? String(field.name.dropFirst()) : field.name)
            text += "\(name): "
            try add(field.type, path: path.isEmpty ? name : "\(path).\(name)")
            text += " @\(field.offset)"
        }
        text += "; \(TypeFacts.size(of: type)) bytes}"
    }

    /// Returns whether the type's name alone describes it completely, in a struct too.
    private static func isKnownPlain(_ type: Any.Type) -> Bool {
        let known: [Any.Type] = [Bool.self, Date.self, UUID.self]
        return known.contains { $0 == type }
    }

    private static func opaque(_ type: Any.Type) -> String {
        TypeDescription.name(of: type) + opaqueBytes(of: type)
    }

    private static func opaqueBytes(of type: Any.Type) -> String {
        let (size, alignment) = (TypeFacts.size(of: type), TypeFacts.alignment(of: type))
        return alignment == 1 ? "{\(size) bytes}" : "{\(size) bytes, aligned to \(alignment)}"
    }

    /// Returns the problem with a field of this type, or nil if there is none.
    private static func problem(with type: Any.Type) -> String? {
        if type is AnyClass { return "a reference to an object" }
        if type is any _Pointer.Type || type is OpaquePointer.Type { return "a pointer" }
        if type is any Persistable.Type,
            !(type is any PersistableValue.Type) || type is any ReferenceValue.Type
        {
            return "a handle"
        }
        let name = "\(type)"
        if name == "Builtin.RawPointer" { return "an address" }
        if name.contains("->") { return "a function" }
        if name.hasPrefix("Unmanaged<") { return "an unmanaged reference" }
        if name.hasSuffix(".Type") || name.hasSuffix(".Protocol") { return "a type object" }
        return nil
    }
}

/// A handle that is a value too, since the place that holds it does not own its target.
protocol ReferenceValue {}

/// A type of the standard library or Foundation whose stored form is not its form in memory. In a
/// plain struct it is described by its fields, as it was before it had a stored form.
protocol LaidOutBySwift {}

private protocol AnyInlineArray {
    static var elementType: Any.Type { get }
}

@available(macOS 26, iOS 26, *)
extension InlineArray: AnyInlineArray {
    static var elementType: Any.Type { Element.self }
}
