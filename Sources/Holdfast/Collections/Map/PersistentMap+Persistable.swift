import HoldfastEngine
import HoldfastFormat

extension PersistentMap: PersistableContainer {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredMap>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentMap {
        PersistentMap(access: access, offset: stored.offset)
    }

    /// Copies `value` with all its entries. A new map is taken over without a copy.
    @inlinable
    public static func store(_ value: PersistentMap, in access: HeapAccess) -> Stored {
        if access.takeNewCollection(value.offset, of: value.access) {
            return Stored(offset: value.offset)
        }
        let stored = storeEmpty(in: access)
        if value.access.isDetached { return stored }
        guard !Value.ownsMemory || access.enterLevel() else {
            access.postpone(following: value.access) { fill(stored, with: value, in: access) }
            return stored
        }
        fill(stored, with: value, in: access)
        if Value.ownsMemory { access.leaveLevel() }
        return stored
    }

    @inlinable
    static func fill(_ stored: Stored, with value: Self, in access: HeapAccess) {
        let copy = load(stored, from: access)
        for (key, element) in value { copy.updateValue(element, forKey: key) }
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored {
        guard access.isWritable else { Misuse.writeInReadTransaction() }
        // A line of its own, so that a change of the count logs one line.
        let offset = access.allocate(
            byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        access.store(Header(), at: offset)
        return Stored(offset: offset)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        guard !Value.ownsMemory || access.enterLevel() else {
            return access.postpone(following: access) { destroy(stored, in: access) }
        }
        let map = load(stored, from: access)
        map.removeAll()
        map.writableHeader.pointee.magic = 0
        access.free(
            stored.offset, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        if Value.ownsMemory { access.leaveLevel() }
    }

    @inlinable
    public static var ownsMemory: Bool { true }

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
