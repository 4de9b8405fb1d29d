import Synchronization

/// The layouts of this process by their types, found without a lock: field access must cost no more than a few loads.
///
/// An open-addressed table of words that is only ever added to. A key is published after its value, so whoever sees the key sees the layout.
@usableFromInline
final class RecordLayoutCache: Sendable {
    @usableFromInline static let shared = RecordLayoutCache()

    @usableFromInline static var slots: Int { 1024 }

    @usableFromInline nonisolated(unsafe) let keys: UnsafeMutablePointer<Atomic<UInt>>
    @usableFromInline nonisolated(unsafe) let layouts: UnsafeMutablePointer<Unmanaged<RecordLayout>?>

    private init() {
        keys = .allocate(capacity: Self.slots)
        for index in 0 ..< Self.slots { (keys + index).initialize(to: Atomic(0)) }
        layouts = .allocate(capacity: Self.slots)
        layouts.initialize(repeating: nil, count: Self.slots)
    }

    @inlinable @inline(__always)
    static func home(_ key: UInt) -> Int { Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 48) & (slots - 1) }

    @inlinable @inline(__always)
    func find(_ key: UInt) -> RecordLayout? {
        var slot = Self.home(key)
        while true {
            let found = keys[slot].load(ordering: .acquiring)
            if found == key { return layouts[slot].unsafelyUnwrapped._withUnsafeGuaranteedRef { $0 } }
            if found == 0 { return nil }
            slot = (slot &+ 1) & (Self.slots &- 1)
        }
    }

    /// Adds a layout; the caller holds a lock against others who do. A table that is three quarters full takes no more: those types are
    /// found in the dictionary behind the lock.
    func add(_ key: UInt, _ layout: RecordLayout) {
        guard count < Self.slots * 3 / 4 else { return }
        var slot = Self.home(key)
        while keys[slot].load(ordering: .relaxed) != 0 { slot = (slot + 1) & (Self.slots - 1) }
        layouts[slot] = Unmanaged.passRetained(layout)
        keys[slot].store(key, ordering: .releasing)
        count += 1
    }

    private nonisolated(unsafe) var count = 0
}
