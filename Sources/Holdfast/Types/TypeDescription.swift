#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
@_spi(Reflection) import Swift

import HoldfastEngine
import HoldfastSystem

/// What a root's type is stored as, in words that are the same in every process: `Map<String,
/// Array<Posting{file: Int32 @0, line: Int32 @4; 8 bytes}>>`. It is kept beside the root, and a
/// root is only opened as a type with the same description. ``TypeShape`` explains the words and
/// reads them.
public struct TypeDescription: Hashable, Sendable, CustomStringConvertible {
    /// The description itself.
    public let text: String

    /// A description in given words.
    public init(_ text: String) { self.text = text }

    public var description: String { text }

    /// What the text says, as a tree; nil if it is no description.
    public var shape: TypeShape? { TypeShape(parsing: text) }

    /// Describes the bytes of a plain struct: names, types and places of its fields, all the way
    /// down. Throws `notStorable` for pointers, references and functions, which mean nothing in
    /// another process.
    init<T: BitwiseCopyable>(layoutOf type: T.Type) throws(HeapError) {
        var layout = LayoutText(root: Self.name(of: type))
        try layout.add(type, path: "", isRoot: true)
        text = layout.text
    }

    /// Types in types that a description may have; a parser of descriptions goes no deeper.
    static let mostLevels = 200

    /// How many levels deep this thread is in describing a type.
    @TaskLocal private static var level = 0

    /// What a type is described as within another one's description. A generic type can be made of
    /// itself as often as a program likes: throws `notStorable` beyond `mostLevels`.
    package static func text(of type: any Persistable.Type) throws(HeapError) -> String {
        let level = level + 1
        guard level < mostLevels - 1 else {
            throw HeapError.notStorable(
                type: String("\(type)".prefix(80)),
                reason:
                    "it stands in a type whose parts are nested \(mostLevels) levels deep or more")
        }
        return try $level.withValue(level) {
            Result { () throws(HeapError) in
                try DeepStack.run { () throws(HeapError) in try type.describe().text }
            }
        }.get()
    }

    /// The records that this thread is describing: one that is reached again within itself is only
    /// named.
    @TaskLocal static var enclosingRecords: [ObjectIdentifier] = []

    /// The unions that this thread is describing, each with the number of records that it is
    /// within.
    @TaskLocal private static var unions: [ObjectIdentifier: Int] = [:]

    /// Describes a union with `body`; throws `notStorable` if it is being described already, with
    /// no further record in between, which would be named when it is reached again.
    static func describing(
        _ union: any Persistable.Type, _ body: () throws(HeapError) -> TypeDescription
    ) throws(HeapError) -> TypeDescription {
        let records = enclosingRecords.count
        var unions = unions
        guard unions.updateValue(records, forKey: ObjectIdentifier(union)) != records else {
            throw HeapError.notStorable(
                type: "\(union)",
                reason: "a case of it holds a \(union) again; put that into a PersistableRecord")
        }
        return try $unions.withValue(unions) { Result(catching: body) }.get()
    }

    /// What a type is called in descriptions.
    static func name(of type: Any.Type) -> String {
        (type as? any PersistableNamed.Type)?.storedName ?? "\(type)"
    }

    /// The first difference from a stored description, in words.
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
                reason: "\(place) \(problem) (\(type)), which means nothing in another process")
        }
        if let optional = type as? any AnyOptional.Type {
            try add(optional.wrappedType, path: path)
            text += "?"
        } else if !isRoot, let persistable = type as? any Persistable.Type {
            // A nested field's bytes lie as Swift lays them out, so only types stored as themselves
            // describe them rightly.
            if let plain = persistable as? any PersistableStruct.Type {
                text += try TypeDescription.text(of: plain)
            } else {
                // Looked through, since its bytes are kept as they are in memory, handles and all.
                var scratch = LayoutText(root: root, level: level)
                try scratch.addFields(of: type, path: path)
                text += Self.isKnownPlain(type) ? TypeDescription.name(of: type) : Self.opaque(type)
            }
        } else {
            try addFields(of: type, path: path)
        }
    }

    /// What an enum's cases carry is looked through, and not described.
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
        // Reflection has no name for what an inline array of other than persistable structs holds.
        let isInspectable =
            !"\(type)".hasPrefix("InlineArray<")
            && _forEachField(of: type) { name, offset, fieldType, _ in
                fields.append((String(cString: name), offset, fieldType))
                return true
            }
        text += TypeDescription.name(of: type)
        guard isInspectable, !fields.isEmpty else {
            // An enum, or a type of the system without fields: its name and size have to do.
            try checkPayloads(of: type, path: path)
            if let array = type as? any AnyInlineArray.Type {
                var scratch = LayoutText(root: root, level: level)
                try scratch.add(array.elementType, path: path)
            }
            text += Self.opaqueBytes(of: type)
            return
        }
        // What the compiler builds numbers and vectors of says nothing, and not even how large it
        // is.
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
        for (index, field) in fields.enumerated() {
            if index > 0 { text += ", " }
            // The parts of a tuple without labels are called ".0" and so on, or nothing.
            let name =
                field.name.isEmpty
                ? "\(index)"
                : field.name.hasPrefix(".") ? String(field.name.dropFirst()) : field.name
            text += "\(name): "
            try add(field.type, path: path.isEmpty ? name : "\(path).\(name)")
            text += " @\(field.offset)"
        }
        text += "; \(TypeFacts.size(of: type)) bytes}"
    }

    /// Persistable types whose names say everything, in a struct too.
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

    /// What is wrong with a field of this type, if anything.
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

/// A handle that is a value too, since the place that holds it does not own what it leads to.
protocol ReferenceValue {}

private protocol AnyInlineArray {
    static var elementType: Any.Type { get }
}

@available(macOS 26, iOS 26, *)
extension InlineArray: AnyInlineArray {
    static var elementType: Any.Type { Element.self }
}
