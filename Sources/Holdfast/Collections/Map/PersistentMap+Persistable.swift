import HoldfastEngine

extension PersistentMap: HeapHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredMap>

    @usableFromInline typealias Mark = StoredMap

    @inlinable
    static var ownsContents: Bool { Value.ownsMemory }

    @inlinable
    func fill(with other: PersistentMap) {
        for (key, element) in other { updateValue(element, forKey: key) }
    }

    @inlinable
    func freeContents() -> UnsafeMutablePointer<Header> {
        removeAll()
        return openedForChange()
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        verify(mapAt: verification.load(place, as: UInt64.self), in: &verification)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        let key = try TypeDescription.text(of: Key.self)
        return TypeDescription("Map<\(key), \(try TypeDescription.text(of: Value.self))>")
    }
}

extension PersistentMap {
    /// Creates an empty map for a field of a new record. It is created in the heap when the record
    /// is stored, and must not be used before that.
    @inlinable
    public init() { self.init(access: .detached, offset: 0) }
}

/// Marks a relative pointer as leading to a map's header.
@frozen
public struct StoredMap: BitwiseCopyable {}
