import HoldfastEngine

extension PersistentSortedMap: HeapHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredSortedMap>

    @usableFromInline typealias Mark = StoredSortedMap

    @inlinable
    static var ownsContents: Bool { Value.ownsMemory }

    @inlinable
    func fill(with other: PersistentSortedMap) {
        append(sorted: other, isChecked: false)
    }

    @inlinable
    func freeContents() -> UnsafeMutablePointer<Header> {
        removeAll()
        return openedForChange()
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        let key = try TypeDescription.text(of: Key.self)
        return TypeDescription("SortedMap<\(key), \(try TypeDescription.text(of: Value.self))>")
    }
}

extension PersistentSortedMap {
    /// Creates an empty map for a field of a new record. It is created in the heap when the record
    /// is stored, and must not be used before that.
    @inlinable
    public init() { self.init(access: .detached, offset: 0) }
}

/// Marks a relative pointer as leading to a sorted map's header.
@frozen
public struct StoredSortedMap: BitwiseCopyable {}

extension PersistentSortedMap {
    /// Adds entries whose keys ascend and come after all existing ones, packed without gaps. This
    /// is the fast way to fill a map.
    ///
    /// Traps with a message at a key that does not come after the one before it.
    ///
    /// - Complexity: Amortised O(1) per entry.
    @inlinable
    public func append<S: Sequence>(sorted entries: S) where S.Element == (key: Key, value: Value) {
        append(sorted: entries, isChecked: true)
    }

    /// Adds entries whose keys ascend and come after all existing ones. See ``append(sorted:)``.
    @inlinable
    public func append<S: Sequence>(sorted entries: S) where S.Element == (Key, Value) {
        append(sorted: entries.lazy.map { (key: $0.0, value: $0.1) }, isChecked: true)
    }

    /// A map that is being copied needs no check: it is sorted, and may contain several NaNs.
    @inlinable
    func append<S: Sequence>(sorted entries: S, isChecked: Bool)
    where S.Element == (key: Key, value: Value) {
        let header = openedForChange()
        var leaf = lastLeaf(header)
        for (key, value) in entries {
            Key.withProbe(key) { probe in
                let ordered = Key.orderedProbe(probe)
                guard let slot = newSlot(key, probe, Value.store(value, in: access)) else { return }
                if isChecked, let leaf,
                    !Key.isStored(
                        leaf.slot(leaf.count - 1, access).pointee.key, before: ordered, in: access)
                {
                    trapNotAscending(key)
                }
                if leaf == nil {
                    leaf = makeRootLeaf()
                } else if leaf!.isFull {
                    guard hasRoomToSplit else { return }
                    makeRoom(ordered, slot.key, appends: true)
                    leaf = lastLeaf(header)
                }
                let tag = Leaf.tag(Key.hash(probe, seed: access.hashSeed))
                access.markDirty(offset, MemoryLayout<SortedHeader>.size)
                leaf!.insert(slot, tag: tag, at: leaf!.count, access)
                header.pointee.count &+= 1
                header.pointee.changes &+= 1
            }
        }
    }
}
