import Synchronization

/// What a process knows of types, found without a lock: access to a field must cost no more than a
/// few loads.
///
/// An open-addressed table of words that only grows. A key is published after its entry, so a
/// thread that sees the key also sees the entry. Entries are never freed.
@usableFromInline
final class TypeTable<Entry>: Sendable {
    @usableFromInline nonisolated(unsafe) let keys: UnsafeMutablePointer<Atomic<UInt>>
    @usableFromInline nonisolated(unsafe) let entries: UnsafeMutablePointer<UnsafePointer<Entry>?>
    private let count = Mutex(0)

    @inlinable @inline(__always)
    static var slots: Int { 1024 }

    init() {
        keys = .allocate(capacity: Self.slots)
        for index in 0 ..< Self.slots { (keys + index).initialize(to: Atomic(0)) }
        entries = .allocate(capacity: Self.slots)
        entries.initialize(repeating: nil, count: Self.slots)
    }

    @inlinable @inline(__always)
    static func home(_ key: UInt) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 48) & (slots - 1)
    }

    @inlinable @inline(__always)
    func find(_ type: Any.Type) -> UnsafePointer<Entry>? {
        let key = UInt(bitPattern: ObjectIdentifier(type))
        var slot = Self.home(key)
        while true {
            let found = keys[slot].load(ordering: .acquiring)
            if found == key { return entries[slot] }
            if found == 0 { return nil }
            slot = (slot &+ 1) & (Self.slots &- 1)
        }
    }

    /// Adds an entry, unless there is one. A table that is three quarters full accepts no more; the
    /// caller finds the others elsewhere.
    func add(_ type: Any.Type, _ entry: UnsafePointer<Entry>) {
        count.withLock { count in
            guard count < Self.slots * 3 / 4, find(type) == nil else { return }
            let key = UInt(bitPattern: ObjectIdentifier(type))
            var slot = Self.home(key)
            while keys[slot].load(ordering: .relaxed) != 0 { slot = (slot + 1) & (Self.slots - 1) }
            entries[slot] = entry
            keys[slot].store(key, ordering: .releasing)
            count += 1
        }
    }
}
