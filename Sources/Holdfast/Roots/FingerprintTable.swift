import Synchronization

/// Types and their fingerprints, to be looked up without a lock: every transaction does so for
/// every root that it asks for, and a mutex and a dictionary were a tenth of a small transaction.
///
/// A table of fixed size whose entries are never freed, so that a look-up may go on reading one
/// that has just been removed. A program with more types of roots than it holds finds the others in
/// `TypeRegistry`, under its mutex.
///
/// Safety: entries are whole before their address is stored (releasing, read by acquiring loads)
/// and do not change after that; the table and its entries live as long as the process. `find` may
/// be called on any thread; `add` and `remove` under the registry's mutex.
struct FingerprintTable: @unchecked Sendable {
    private struct Entry {
        let type: ObjectIdentifier
        let fingerprint: UInt64
    }

    private static let slots = 512
    /// Searches end at the first empty slot, so some must stay empty.
    private static let mostEntries = 384
    /// Where an entry has been removed: a search goes on there.
    private static let removed: UInt = 1

    private let table: UnsafeMutablePointer<Atomic<UInt>>
    /// Slots that are not empty; under the registry's mutex.
    private let used: UnsafeMutablePointer<Int>

    init() {
        table = .allocate(capacity: Self.slots)
        for slot in 0 ..< Self.slots { (table + slot).initialize(to: Atomic(0)) }
        used = .allocate(capacity: 1)
        used.initialize(to: 0)
    }

    @inline(__always)
    private func home(_ type: ObjectIdentifier) -> Int {
        // Metadata are aligned, so the low bits of their addresses say nothing.
        let address = UInt64(truncatingIfNeeded: UInt(bitPattern: type))
        return Int(truncatingIfNeeded: ((address &>> 4) &* 0x9e37_79b9_7f4a_7c15) &>> 55)
    }

    /// The fingerprint of a type that has been added and not removed; nil if there is none.
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
