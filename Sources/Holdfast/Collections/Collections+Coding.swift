#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import HoldfastEngine

// The encoding of nested collections. Root collections are written line by line, see
// `LineStreamable`.

extension PersistentArray {
    /// Encodes an array of the elements.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        var container = encoder.unkeyedContainer()
        try load(stored, from: access).forEachStored {
            try container.encode(StoredEncodable($0, Element.self, access))
        }
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let array = load(stored, from: access)
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd {
            array.append(stored: try container.decode(StoredDecodable<Element>.self).stored)
        }
        return stored
    }

    package func forEachStored(_ body: (Element.Stored) throws -> Void) throws {
        for index in 0 ..< count {
            let header = opened()
            try body(elements(header)[checked(index, header)])
        }
    }
}

extension PersistentDeque {
    /// Encodes an array of the elements.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        var container = encoder.unkeyedContainer()
        try load(stored, from: access).forEachStored {
            try container.encode(StoredEncodable($0, Element.self, access))
        }
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let deque = load(stored, from: access)
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd {
            deque.append(stored: try container.decode(StoredDecodable<Element>.self).stored)
        }
        return stored
    }

    package func forEachStored(_ body: (Element.Stored) throws -> Void) throws {
        for index in 0 ..< count {
            let ring = ring
            try body(ring.place(checked(index, ring)).pointee)
        }
    }
}

extension PersistentBitSet {
    /// Encodes an array of the numbers.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        var container = encoder.unkeyedContainer()
        for element in load(stored, from: access) { try container.encode(element) }
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = storeEmpty(in: access)
        let set = load(stored, from: access)
        var container = try decoder.unkeyedContainer()
        while !container.isAtEnd { try set.insert(imported: try container.decode(Int.self)) }
        return stored
    }

    /// A larger number would make an import fill gigabytes with zeros because of a single number.
    private static let largestImported = 1 << 36

    package func insert(imported element: Int) throws {
        guard element >= 0, element <= Self.largestImported else {
            throw ExchangeProblem(
                "a bit set holds numbers from 0 to \(Self.largestImported), not \(element)")
        }
        guard insert(element).inserted else {
            throw ExchangeProblem("\(element) occurs twice in the set")
        }
    }
}

extension PersistentString {
    /// Encodes a string.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try load(stored, from: access).string.encode(to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let text = try String(from: decoder)
        let stored = storeEmpty(in: access)
        load(stored, from: access).append(text)
        return stored
    }
}

extension PersistentBytes {
    /// Encodes Base64, or the encoder's form for bytes.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        var container = encoder.singleValueContainer()
        try container.encode(load(stored, from: access).data)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let data = try decoder.singleValueContainer().decode(Data.self)
        let stored = storeEmpty(in: access)
        load(stored, from: access).append(contentsOf: data)
        return stored
    }
}
