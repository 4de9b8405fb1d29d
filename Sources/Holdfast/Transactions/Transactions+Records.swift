import HoldfastEngine

extension WriteTransaction {
    /// Stores a record in the heap on its own. The program owns it: it stays until `free()`.
    ///
    /// - Complexity: O(number of fields).
    public func new<Record: HeapRecord>(_ record: Record) throws(HeapError) -> HeapRef<Record> {
        // The check that a root would have made; it costs one lookup.
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return HeapRef(access: access, place: Record.store(record, in: access).offset)
    }

    /// Stores a record in the heap that belongs to all of its references. See ``SharedRef``.
    ///
    /// - Complexity: O(number of fields).
    public func share<Record: HeapRecord>(_ record: Record) throws(HeapError) -> SharedRef<
        Record
    > {
        _ = try TypeRegistry.shared.fingerprint(of: Record.self)
        return SharedRef(access: access, place: Record.store(record, in: access).offset)
    }
}
