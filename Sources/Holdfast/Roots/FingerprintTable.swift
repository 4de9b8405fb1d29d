import Synchronization

/// Types and their fingerprints, looked up without a lock. Every transaction does so for every root
/// that it requests, and a mutex and a dictionary took a tenth of a small transaction.
///
/// A table of fixed size whose entries are never freed, so that a lookup can continue to read an
/// entry that has just been removed. If a program has more root types than the table holds, the
/// others are found in `TypeRegistry`, under its mutex.
///
/// Safety: an entry is complete before its address is stored (releasing, read by acquiring loads)
/// and does not change after that. The table and its entries live as long as the process. `find`
/// may be called on any thread; `add` and `remove` only under the registry's mutex.
struct FingerprintTable: @unchecked Sendable {
    private struct Entry {
        let type: ObjectIdentifier
        let fingerprint: UInt64
    }

    private static let slots = 512
    /// Searches end at the first empty slot, so some slots must stay empty.
    private static let mostEntries = 384
    /// Marks a removed entry. A search continues past it.
    private static let removed: UInt = 1

    private let table: UnsafeMutablePointer<Atomic<UInt>>
    /// The number of slots that are not empty. Protected by the registry's mutex.
    private let used: UnsafeMutablePointer<Int>

    init() {
        table = .allocate(capacity: Self.slots)
        for slot in 0 ..< Self.slots { (table + slot).initialize(to: Atomic(0)) }
        used = .allocate(capacity: 1)
        used.initialize(to: 0)
    }

    @inline(__always)
    private func home(_ type: ObjectIdentifier) -> Int {
        // Metadata are aligned, so the low bits of their addresses carry no information.
        let address = UInt64(truncatingIfNeeded: UInt(bitPattern: type))
        return Int(truncatingIfNeeded: ((address &>> 4) &* 0x9e37_79b9_7f4a_7c15) &>> 55)
    }

    /// Returns the fingerprint of a type that has been added and not removed, or nil if there is
    /// none.
    @inline(__always)
    func find(_ type: ObjectIdentifier) -> UInt64? {
        var slot = home(type)
        while true {
            let word = table[slot].load(ordering: .acquiring)
            if word == 0 { return nil }
            if word != Self.removed {
                let entry = UnsafePointer<Entry>(bitPattern: word).unsafelyUnwrapped
                if entry.pointee.type == type { return entry.pointee.fingerprint }
            }
            slot = (slot &+ 1) & (Self.slots &- 1)
        }
    }

    func add(_ type: ObjectIdentifier, _ fingerprint: UInt64) {
        guard used.pointee < Self.mostEntries, find(type) == nil else { return }
        var slot = home(type)
        while table[slot].load(ordering: .relaxed) != 0 { slot = (slot + 1) % Self.slots }
        let entry = UnsafeMutablePointer<Entry>.allocate(capacity: 1)
        entry.initialize(to: Entry(type: type, fingerprint: fingerprint))
        table[slot].store(UInt(bitPattern: entry), ordering: .releasing)
        used.pointee += 1
    }

    func remove(_ type: ObjectIdentifier) {
        for slot in 0 ..< Self.slots {
            let word = table[slot].load(ordering: .relaxed)
            guard let entry = word == Self.removed ? nil : UnsafePointer<Entry>(bitPattern: word),
                entry.pointee.type == type
            else { continue }
            table[slot].store(Self.removed, ordering: .releasing)
        }
    }
}
