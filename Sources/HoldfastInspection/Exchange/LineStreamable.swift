#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine

/// A root type that is written and read line by line, so that at most one of its elements is in
/// memory.
protocol LineStreamable: Persistable where Stored: RootPlace {
    /// Returns the number of lines.
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int
    /// Passes the content of each line to `write`.
    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void) throws
    /// Creates a root from the lines. Throws if they are not valid.
    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored
}

/// The stored form of a root: one relative pointer.
protocol RootPlace: BitwiseCopyable {
    var offset: UInt64 { get }
    init(offset: UInt64)
}

extension RelativePointer: RootPlace {}

/// The lines of a root that is being read: as many as its header states.
struct ElementLines: ~Copyable {
    let next: () throws -> ContentDecoder?

    /// Returns the content of the next line, or nil at the end.
    func decode<Content: Decodable>(_ type: Content.Type) throws -> Content? {
        try next()?.decode(type)
    }
}

/// The operations that arrays and deques share here.
protocol ElementStore: PersistableContainer {
    associatedtype Element: Persistable

    var count: Int { get }
    func forEachStored(_ body: (Element.Stored) throws -> Void) throws
    /// Adds an element that owns the memory that it needs.
    func append(stored: Element.Stored)
}

extension ElementStore {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        load(stored, from: access).count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        try load(stored, from: access).forEachStored {
            try write(StoredEncodable($0, Element.self, access))
        }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let elements = load(stored, from: access)
        while let element = try lines.decode(StoredDecodable<Element>.self) {
            elements.append(stored: element.stored)
        }
        return stored
    }
}

extension PersistentArray: ElementStore, LineStreamable {}
extension PersistentDeque: ElementStore, LineStreamable {}

extension EntryStore where Self: PersistableContainer {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        load(stored, from: access).count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        try load(stored, from: access).forEachStored {
            try write(Pair<Key, Value>(key: $0, value: $1, access: access))
        }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let map = load(stored, from: access)
        while let pair = try lines.decode(DecodedPair<Key, Value>.self) { try map.add(pair) }
        return stored
    }
}

extension PersistentMap: LineStreamable {}
extension PersistentSortedMap: LineStreamable {}

extension PersistentSet: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        load(stored, from: access).count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        try Table.load(stored, from: access).forEachStored { key, _ in
            try write(StoredEncodable(key, Element.self, access))
        }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let table = Table.load(stored, from: access)
        while let element = try lines.decode(StoredDecodable<Element>.self) {
            try table.add(element: element.stored)
        }
        return stored
    }
}

extension PersistentSortedSet: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        load(stored, from: access).count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        try Tree.load(stored, from: access).forEachStored { key, _ in
            try write(StoredEncodable(key, Element.self, access))
        }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let tree = Tree.load(stored, from: access)
        while let element = try lines.decode(StoredDecodable<Element>.self) {
            try tree.add(element: element.stored)
        }
        return stored
    }
}

extension PersistentBitSet: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        load(stored, from: access).count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        for element in load(stored, from: access) { try write(element) }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let set = load(stored, from: access)
        while let element = try lines.decode(Int.self) { try set.insert(imported: element) }
        return stored
    }
}

extension PersistentString: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        let text = load(stored, from: access)
        var count = 0
        var start = 0
        while let end = text.endOfPiece(from: start) {
            count += 1
            start = end
        }
        return count
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        let text = load(stored, from: access)
        var start = 0
        while let end = text.endOfPiece(from: start) {
            try write(text[start ..< end])
            start = end
        }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let text = load(stored, from: access)
        while let piece = try lines.decode(String.self) { text.append(piece) }
        return stored
    }

    /// Returns the end of a piece that begins at `start`, at a scalar boundary, or nil at the end
    /// of the string.
    private func endOfPiece(from start: Int) -> Int? {
        guard start < utf8Count else { return nil }
        var end = Swift.min(start + Exchange.textPiece, utf8Count)
        while end > start + 4, !isScalarBoundary(end) { end -= 1 }
        return end
    }
}

extension PersistentBytes: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int {
        (load(stored, from: access).count + Exchange.bytesPiece - 1) / Exchange.bytesPiece
    }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        for piece in load(stored, from: access).chunks(of: Exchange.bytesPiece) { try write(piece) }
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let bytes = load(stored, from: access)
        while let piece = try lines.decode(Data.self) { bytes.append(contentsOf: piece) }
        return stored
    }
}

extension PersistentValue: LineStreamable {
    static func lineCount(_ stored: Stored, in access: HeapAccess) -> Int { 1 }

    static func writeLines(
        _ stored: Stored, from access: HeapAccess, _ write: (any Encodable) throws -> Void
    ) throws {
        try write(
            StoredEncodable(access.load(stored.offset, as: Value.Stored.self), Value.self, access))
    }

    static func readLines(_ lines: borrowing ElementLines, in access: HeapAccess) throws -> Stored {
        guard let value = try lines.decode(StoredDecodable<Value>.self) else {
            throw ExchangeProblem("the value is missing")
        }
        if try lines.next() != nil { throw ExchangeProblem("there is more than one value") }
        return make(stored: value.stored, in: access)
    }
}
