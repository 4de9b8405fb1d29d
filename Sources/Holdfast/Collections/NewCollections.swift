import HoldfastEngine

/// Collections that the program has created with elements in an open write transaction, and not
/// stored yet.
///
/// Each is already in the heap, but belongs to no place there. Storing it for the first time
/// transfers it to that place without a copy. Storing it again copies it, as with any other handle.
/// Collections that have not been stored when the transaction commits are freed.
final class NewCollections {
    private typealias Destroyer = (HeapAccess) -> Void

    private var destroyers: [UInt64: Destroyer] = [:]
    /// What savepoints have added (nil) and taken, oldest first; empty while none is open.
    private var journal: [(offset: UInt64, taken: Destroyer?)] = []

    /// Where the journal of a savepoint that begins now starts.
    var mark: Int { journal.count }

    func add<Header: BitwiseCopyable, Handle: Persistable>(
        _ offset: UInt64, _: Handle.Type, in access: HeapAccess
    ) where Handle.Stored == RelativePointer<Header> {
        destroyers[offset] = { Handle.destroy(RelativePointer(offset: offset), in: $0) }
        if access.hasSavepoint { journal.append((offset, nil)) }
    }

    func take(_ offset: UInt64, in access: HeapAccess) -> Bool {
        guard let destroyer = destroyers.removeValue(forKey: offset) else { return false }
        if access.hasSavepoint { journal.append((offset, destroyer)) }
        return true
    }

    /// Forgets what was added since the mark, and puts back what was taken.
    func undo(to mark: Int) {
        while journal.count > mark, let change = journal.popLast() {
            destroyers[change.offset] = change.taken
        }
    }

    /// Called when no savepoint is open any more.
    func endJournal() { journal = [] }

    /// Frees all collections. They hold references only to data that they own, so the order does
    /// not matter.
    func destroyAll(in access: HeapAccess) {
        for destroy in destroyers.values { destroy(access) }
        destroyers = [:]
    }
}

extension HeapAccess {
    /// The pointer to the transaction's new collections, if it has any: the last word of this
    /// layer's memory, which savepoints share with their transaction. Protected by the write lock.
    private var newCollectionsWord: UnsafeMutablePointer<Unmanaged<NewCollections>?> {
        (hints + (HeapAccess.hintBytes - 8)).assumingMemoryBound(
            to: Unmanaged<NewCollections>?.self)
    }

    private var newCollections: NewCollections {
        if let found = newCollectionsWord.pointee { return found.takeUnretainedValue() }
        let new = NewCollections()
        newCollectionsWord.pointee = .passRetained(new)
        return new
    }

    /// Creates an empty collection in this thread's innermost write transaction, which frees it
    /// unless it is stored.
    static func newCollection<Header: BitwiseCopyable, Handle: PersistableContainer>(
        _ type: Handle.Type
    ) -> Handle
    where Handle.Stored == RelativePointer<Header> {
        newHandle { Handle.storeEmpty(in: $0) }
    }

    /// Has this thread's innermost write transaction own what `make` allocates, and free it unless
    /// it is stored.
    static func newHandle<Header: BitwiseCopyable, Handle: Persistable>(
        _ make: (HeapAccess) -> Handle.Stored
    ) -> Handle
    where Handle.Stored == RelativePointer<Header> {
        guard let access = HeapAccess.innermostWriting else {
            Collections.madeOutsideOfWriting("\(Handle.self)")
        }
        let stored = make(access)
        access.newCollections.add(stored.offset, Handle.self, in: access)
        return Handle.load(stored, from: access)
    }

    /// Creates a collection with the elements of a sequence in the same way. Returns `empty` if
    /// there are no elements, for which no transaction is needed.
    @inline(__always)
    static func newCollection<Header: BitwiseCopyable, Handle: PersistableContainer, Element>(
        of elements: some Sequence<Element>, orEmpty empty: Handle,
        adding add: (Handle, Element) -> Void
    ) -> Handle
    where Handle.Stored == RelativePointer<Header> {
        var collection: Handle?
        for element in elements {
            let handle = collection ?? newCollection(Handle.self)
            collection = handle
            add(handle, element)
        }
        return collection ?? empty
    }

    /// Returns whether the collection at `offset` is new. If so, it belongs to the caller from now
    /// on.
    @usableFromInline
    func takeNewCollection(_ offset: UInt64, of other: HeapAccess) -> Bool {
        guard isWritable, let new = newCollectionsWord.pointee, isSameTransaction(as: other) else {
            return false
        }
        return new.takeUnretainedValue().take(offset, in: self)
    }

    /// Called when a savepoint begins.
    func markNewCollections() -> Int {
        newCollectionsWord.pointee?.takeUnretainedValue().mark ?? 0
    }

    /// Called when a savepoint is undone, with the result of `markNewCollections`.
    func undoNewCollections(to mark: Int) {
        newCollectionsWord.pointee?.takeUnretainedValue().undo(to: mark)
    }

    /// Called when a savepoint has ended, and its new collections belong to the transaction.
    func releaseNewCollections() {
        guard let new = newCollectionsWord.pointee, !hasSavepoint else { return }
        new.takeUnretainedValue().endJournal()
    }

    /// Called before the commit.
    @inline(__always)
    func freeNewCollections() {
        if _slowPath(newCollectionsWord.pointee != nil) {
            endNewCollections { $0.destroyAll(in: self) }
        }
    }

    /// Called before the rollback.
    @inline(__always)
    func forgetNewCollections() {
        if newCollectionsWord.pointee != nil { endNewCollections { _ in } }
    }

    private func endNewCollections(_ body: (NewCollections) -> Void) {
        guard let new = newCollectionsWord.pointee?.takeRetainedValue() else { return }
        newCollectionsWord.pointee = nil
        body(new)
    }
}

/// The traps of creating collections.
private enum Collections {
    @inline(never)
    static func madeOutsideOfWriting(_ type: String) -> Never {
        Misuse.trap(
            "a \(type) with contents was created outside of a write transaction, so there is no "
                + "heap to store it in", in: MisuseScene("\(type).init"),
            "Create it inside the closure of write, or create it empty and add elements there.")
    }
}
