import HoldfastEngine
import Synchronization

/// The named roots of a heap: themselves a map in the heap, from names to types and places.
struct RootCatalogue {
    private struct Record: BitwiseCopyable {
        /// Of the type's description: equal for equal types, so that the common case compares one word.
        var fingerprint: UInt64
        var description: StoredBytes
        var offset: UInt64
    }

    /// A record as the map's value: it owns its description, but not what the root leads to, whose type only the caller knows.
    private struct RecordValue: Persistable {
        typealias Stored = Record
        var record: Record

        static func load(_ stored: Record, from access: HeapAccess) -> RecordValue { RecordValue(record: stored) }
        static func store(_ value: RecordValue, in access: HeapAccess) -> Record { value.record }
        static func destroy(_ stored: Record, in access: HeapAccess) { stored.description.free(in: access) }
        static var ownsMemory: Bool { true }
        static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Root") }
    }

    private let access: HeapAccess
    private let map: PersistentMap<String, RecordValue>?

    init(_ access: HeapAccess) {
        self.access = access
        let offset = access.catalogue
        map = offset == 0 ? nil : PersistentMap(access: access, offset: offset)
    }

    /// The place of the root, or nil if there is none with this name; throws if it is of another type.
    func find<Handle: Persistable, Header>(
        _ name: String, as type: Handle.Type
    ) throws(HeapError) -> RelativePointer<Header>? where Handle.Stored == RelativePointer<Header> {
        let requested = try TypeRegistry.shared.description(of: type)
        guard let record = map?[name]?.record else { return nil }
        guard record.fingerprint == requested.fingerprint else {
            throw HeapError.rootTypeMismatch(
                path: access.heapPath, name: name, stored: String.load(record.description, from: access),
                requested: requested.description.text)
        }
        return RelativePointer(offset: record.offset)
    }

    func contains(_ name: String) -> Bool { map?.contains(name) ?? false }

    func add<Handle: Persistable>(_ name: String, as type: Handle.Type, at offset: UInt64) throws(HeapError) {
        let described = try TypeRegistry.shared.description(of: type)
        let map: PersistentMap<String, RecordValue>
        if let existing = self.map {
            map = existing
        } else {
            let stored = PersistentMap<String, RecordValue>.storeEmpty(in: access)
            access.catalogue = stored.offset
            map = .load(stored, from: access)
        }
        let record = Record(
            fingerprint: described.fingerprint, description: String.store(described.description.text, in: access),
            offset: offset)
        map.updateValue(RecordValue(record: record), forKey: name)
    }

    func remove(_ name: String) {
        guard let map else { return }
        map.removeValue(forKey: name)
        // The last root takes the catalogue with it, so that the heap is as empty as a new one.
        if map.isEmpty {
            PersistentMap<String, RecordValue>.destroy(RelativePointer(offset: access.catalogue), in: access)
            access.catalogue = 0
        }
    }

    var all: [Root] {
        guard let map else { return [] }
        return map.map { name, value in
            Root(name: name, type: TypeDescription(String.load(value.record.description, from: access)))
        }.sorted { $0.name < $1.name }
    }
}

/// Descriptions of the types that this process has asked for, made once each.
final class TypeRegistry: Sendable {
    static let shared = TypeRegistry()

    struct Described: Sendable {
        var description: TypeDescription
        var fingerprint: UInt64
    }

    private let known = Mutex<[ObjectIdentifier: Described]>([:])

    func description<Value: Persistable>(of type: Value.Type) throws(HeapError) -> Described {
        if let found = known.withLock({ $0[ObjectIdentifier(type)] }) { return found }
        let description = try type.describe()
        var text = description.text
        // A fixed seed: the fingerprint stands in the file.
        let seed = HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564)
        let fingerprint = text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
        let described = Described(description: description, fingerprint: fingerprint)
        known.withLock { $0[ObjectIdentifier(type)] = described }
        return described
    }
}
