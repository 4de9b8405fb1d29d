import HoldfastEngine

extension PersistentSortedMap: HeapHandle {
    /// Where the header lies.
    public typealias Stored = RelativePointer<StoredSortedMap>

    @usableFromInline typealias Mark = StoredSortedMap

    @inlinable
    static var ownsContents: Bool { Value.ownsMemory }

    @inlinable
    func fill(with other: PersistentSortedMap) {
        append(sorted: other, isChecked: false)
    }

    @inlinable
    func freeContents() {
        removeAll()
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        let key = try TypeDescription.text(of: Key.self)
        return TypeDescription("SortedMap<\(key), \(try TypeDescription.text(of: Value.self))>")
    }
}

/// Marks a relative pointer as leading to a sorted map's header.
@frozen
public struct StoredSortedMap: BitwiseCopyable {}

extension PersistentSortedMap {
    /// Adds entries whose keys ascend and come after all that are there, packed without gaps: the
    /// fast way to fill a map. Traps with a sentence at a key that does not come after the one
    /// before it. Amortised O(1) an entry.
    @inlinable
    public func append<S: Sequence>(sorted entries: S) where S.Element == (key: Key, value: Value) {
        append(sorted: entries, isChecked: true)
    }

    /// Adds entries whose keys ascend and come after all that are there; see ``append(sorted:)``.
    @inlinable
    public func append<S: Sequence>(sorted entries: S) where S.Element == (Key, Value) {
        append(sorted: entries.lazy.map { (key: $0.0, value: $0.1) }, isChecked: true)
    }

    /// A map that is being copied needs no check: it is in order, and may hold several NaNs.
    @inlinable
    func append<S: Sequence>(sorted entries: S, isChecked: Bool)
    where S.Element == (key: Key, value: Value) {
        let header = writableHeader
        var leaf = lastLeaf(header)
        for (key, value) in entries {
            Key.withProbe(key) { probe in
                let ordered = Key.orderedProbe(probe)
                guard let slot = newSlot(key, probe, Value.store(value, in: access)) else { return }
                if isChecked, let leaf,
                    !Key.isStored(
                        leaf.slot(leaf.count - 1, access).pointee.key, before: ordered, in: access)
                {
                    Handle.notAscending("\(key)")
                }
                if leaf == nil {
                    leaf = makeRootLeaf()
                } else if leaf!.isFull {
                    guard hasRoomToSplit else { return }
                    makeRoom(ordered, slot.key, appends: true)
                    leaf = lastLeaf(header)
                }
                let tag = Leaf.tag(Key.hash(probe, seed: access.hashSeed))
                access.note(offset, MemoryLayout<SortedHeader>.size)
                leaf!.insert(slot, tag: tag, at: leaf!.count, access)
                header.pointee.count &+= 1
                header.pointee.changes &+= 1
            }
        }
    }
}
