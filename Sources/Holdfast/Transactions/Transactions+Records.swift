import HoldfastEngine

extension WriteTransaction {
    /// Stores a record in the heap on its own. The program owns it: it stays until `free()`.
    ///
    /// - Complexity: O(number of fields).
    public func new<Record: PersistableRecord>(_ record: Record) throws(HeapError) -> Ref<Record> {
        // The check that a root would have made; it costs one lookup.
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return Ref(access: access, place: Record.store(record, in: access).offset)
    }

    /// Stores a record in the heap that belongs to all of its references. See ``Shared``.
    ///
    /// - Complexity: O(number of fields).
    public func share<Record: PersistableRecord>(_ record: Record) throws(HeapError) -> Shared<
        Record
    > {
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return Shared(access: access, place: Record.store(record, in: access).offset)
    }
}
