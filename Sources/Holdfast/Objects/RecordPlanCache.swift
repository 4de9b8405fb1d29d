import Synchronization

/// The plans of this process's record types, found without a lock. Field access must cost no more
/// than a few loads.
///
/// An open-addressed table of words that only grows. A key is published after its value, so a
/// thread that sees the key also sees the plan.
@usableFromInline
final class RecordPlanCache: Sendable {
    @usableFromInline static let shared = RecordPlanCache()

    @usableFromInline static var slots: Int { 1024 }

    @usableFromInline nonisolated(unsafe) let keys: UnsafeMutablePointer<Atomic<UInt>>
    @usableFromInline nonisolated(unsafe) let plans:
        UnsafeMutablePointer<UnsafePointer<RecordPlan>?>

    private init() {
        keys = .allocate(capacity: Self.slots)
        for index in 0 ..< Self.slots { (keys + index).initialize(to: Atomic(0)) }
        plans = .allocate(capacity: Self.slots)
        plans.initialize(repeating: nil, count: Self.slots)
    }

    @inlinable @inline(__always)
    static func home(_ key: UInt) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 48) & (slots - 1)
    }

    @inlinable @inline(__always)
    func find(_ key: UInt) -> UnsafePointer<RecordPlan>? {
        var slot = Self.home(key)
        while true {
            let found = keys[slot].load(ordering: .acquiring)
            if found == key { return plans[slot] }
            if found == 0 { return nil }
            slot = (slot &+ 1) & (Self.slots &- 1)
        }
    }

    /// Adds a plan. The caller holds a lock against other calls of `add`. A table that is three
    /// quarters full accepts no more entries; the remaining types are found in the dictionary
    /// behind the lock.
    func add(_ key: UInt, _ plan: UnsafePointer<RecordPlan>) {
        guard count < Self.slots * 3 / 4 else { return }
        var slot = Self.home(key)
        while keys[slot].load(ordering: .relaxed) != 0 { slot = (slot + 1) & (Self.slots - 1) }
        plans[slot] = plan
        keys[slot].store(key, ordering: .releasing)
        count += 1
    }

    private nonisolated(unsafe) var count = 0
}
