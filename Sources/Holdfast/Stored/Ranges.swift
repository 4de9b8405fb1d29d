import HoldfastEngine

/// The stored form of a range: the stored forms of its bounds.
@frozen
public struct StoredRange<Bound: BitwiseCopyable>: BitwiseCopyable {
    /// The lower bound.
    public var lower: Bound
    /// The upper bound, which belongs to the range or is the first value above it.
    public var upper: Bound

    init(_ lower: Bound, _ upper: Bound) {
        self.lower = lower
        self.upper = upper
    }
}

/// A range of the standard library. Its bounds are stored one after the other.
package protocol StorableRange: Persistable where Stored == StoredRange<Bound.Stored> {
    associatedtype Bound: Persistable & Comparable

    /// The name of the type in descriptions, without its parameter.
    static var typeName: String { get }

    var lowerBound: Bound { get }
    var upperBound: Bound { get }
    init(uncheckedBounds: (lower: Bound, upper: Bound))
}

extension StorableRange {
    public static func load(_ stored: StoredRange<Bound.Stored>, from access: HeapAccess) -> Self {
        let lower = Bound.load(stored.lower, from: access)
        let upper = Bound.load(stored.upper, from: access)
        guard lower <= upper else {
            Misuse.damaged(access, "the lower bound of a \(Self.self) is above its upper bound")
        }
        return Self(uncheckedBounds: (lower, upper))
    }

    public static func store(_ value: Self, in access: HeapAccess) -> StoredRange<Bound.Stored> {
        StoredRange(
            Bound.store(value.lowerBound, in: access), Bound.store(value.upperBound, in: access))
    }

    public static func clearPadding(at place: UnsafeMutableRawPointer) {
        let upper = MemoryLayout<Bound.Stored>.stride
        Bound.clearPadding(at: place)
        place.clear(MemoryLayout<Bound.Stored>.size ..< upper)
        Bound.clearPadding(at: place + upper)
    }

    public static var hasPadding: Bool {
        MemoryLayout<Bound.Stored>.size < MemoryLayout<Bound.Stored>.stride || Bound.hasPadding
    }

    public static func destroy(_ stored: StoredRange<Bound.Stored>, in access: HeapAccess) {
        Bound.destroy(stored.lower, in: access)
        Bound.destroy(stored.upper, in: access)
    }

    public static var ownsMemory: Bool { Bound.ownsMemory }

    /// The place of the upper bound in the stored form.
    package static var upperPlace: UInt64 {
        UInt64(MemoryLayout<Bound.Stored>.stride)
    }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        verification.completely {
            Bound.verify(at: offset, in: &$0)
            Bound.verify(at: offset &+ upperPlace, in: &$0)
        }
        guard verification.problemCount == before, !verification.wasCancelled else { return }
        let stored = verification.load(offset, as: StoredRange<Bound.Stored>.self)
        let lower = Bound.load(stored.lower, from: verification.access)
        let upper = Bound.load(stored.upper, from: verification.access)
        if !(lower <= upper) {
            verification.report(
                "the lower bound of a range, \(lower), is above the upper, \(upper)")
        }
    }

    /// Encodes an array of the two bounds.
    public static func encode(
        _ stored: StoredRange<Bound.Stored>, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(StoredEncodable(stored.lower, Bound.self, access))
        try container.encode(StoredEncodable(stored.upper, Bound.self, access))
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredRange<Bound.Stored>
    {
        var container = try decoder.unkeyedContainer()
        let lower = try container.decode(StoredDecodable<Bound>.self).stored
        let upper = try container.decode(StoredDecodable<Bound>.self).stored
        guard Bound.load(lower, from: access) <= Bound.load(upper, from: access) else {
            throw decoder.problem("the lower bound of a range is above its upper bound")
        }
        return StoredRange(lower, upper)
    }

    public static var holdsPlaces: Bool { Bound.holdsPlaces }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        guard Bound.holdsPlaces else { return }
        mover.move(Bound.self, at: place)
        mover.move(Bound.self, at: place + upperPlace)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("\(typeName)<\(try TypeDescription.text(of: Bound.self))>")
    }
}

extension Range: StorableRange, Persistable where Bound: Persistable {
    public typealias Stored = StoredRange<Bound.Stored>
    package static var typeName: String { "Range" }
}

extension ClosedRange: StorableRange, Persistable where Bound: Persistable {
    public typealias Stored = StoredRange<Bound.Stored>
    package static var typeName: String { "ClosedRange" }
}

extension Range: PersistableValue where Bound: PersistableValue {}
extension ClosedRange: PersistableValue where Bound: PersistableValue {}
