import HoldfastEngine

extension WriteTransaction {
    /// Puts a record into the heap on its own, owned by the program: it stays until `free()`. O(its
    /// fields).
    public func new<Record: PersistableRecord>(_ record: Record) throws(HeapError) -> Ref<Record> {
        // The check that a root would have brought; it costs a look-up.
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return Ref(access: access, place: Record.store(record, in: access).offset)
    }

    /// Puts a record into the heap that belongs to all who refer to it; see ``Shared``. O(its
    /// fields).
    public func share<Record: PersistableRecord>(_ record: Record) throws(HeapError) -> Shared<
        Record
    > {
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return Shared(access: access, place: Record.store(record, in: access).offset)
    }
}
