import HoldfastEngine

/// Which of two heaps.
enum ComparedSide {
    case old, new
}

/// Which records of the two heaps are the same record. References are equal if they lead to it.
///
/// Places say nothing, since an import or a packed copy has other places. So a record that
/// something owns is the same as the one at the same path in the other heap, and a record that only
/// references lead to is the same as the one that the first pair of references leads to. No record
/// has two partners, so that a walk over the records follows each of them once, and ends in a
/// cycle.
final class RecordPairs {
    /// The targets of references that something else owns.
    let oldOwned: Set<UInt64>
    let newOwned: Set<UInt64>
    private var newPartners: [UInt64: UInt64] = [:]
    private var oldPartners: [UInt64: UInt64] = [:]
    private var visited: Set<UInt64> = []
    /// Whether all pairs have been found.
    private(set) var isComplete = false
    private var oldNumbers: [UInt64: Int] = [:]
    private var newNumbers: [UInt64: Int] = [:]
    private var lastNumber = 0
    /// Whether the number of a record is its place, for people who look at one heap.
    private let numbersArePlaces: Bool

    init(oldOwned: Set<UInt64>, newOwned: Set<UInt64>, numbersArePlaces: Bool) {
        (self.oldOwned, self.newOwned) = (oldOwned, newOwned)
        self.numbersArePlaces = numbersArePlaces
    }

    // MARK: Finding pairs

    /// Notes records that are owned at the same path, if references lead to them.
    func pair(owned old: UInt64, _ new: UInt64) {
        if oldOwned.contains(old) || newOwned.contains(new) { _ = pair(old, new) }
    }

    /// Notes records that a pair of references leads to. Returns whether their contents are to be
    /// followed from here: they are new, and nothing owns them.
    func pair(referred old: UInt64, _ new: UInt64) -> Bool {
        !oldOwned.contains(old) && !newOwned.contains(new) && pair(old, new)
    }

    private func pair(_ old: UInt64, _ new: UInt64) -> Bool {
        guard newPartners[old] == nil, oldPartners[new] == nil else { return false }
        newPartners[old] = new
        oldPartners[new] = old
        return true
    }

    func complete() { isComplete = true }

    // MARK: Using them

    /// A number that partners share, and only they; the same of all records, as long as not all
    /// pairs have been found.
    func identity(of place: UInt64, _ side: ComparedSide) -> UInt64 {
        guard isComplete else { return 0 }
        return side == .new ? place : newPartners[place] ?? ~place
    }

    func arePartners(_ old: UInt64, _ new: UInt64) -> Bool { newPartners[old] == new }

    func hasPartner(_ place: UInt64, _ side: ComparedSide) -> Bool {
        (side == .old ? newPartners : oldPartners)[place] != nil
    }

    /// Whether the partners are compared elsewhere: where they are owned, or where the first
    /// reference led to them.
    func areSettled(_ old: UInt64, _ new: UInt64) -> Bool {
        arePartners(old, new) && (oldOwned.contains(old) || visited.contains(old))
    }

    /// Notes that the contents of a record are compared now.
    func visit(_ old: UInt64) { visited.insert(old) }

    /// The number of a record, which its partner has too.
    func number(of place: UInt64, _ side: ComparedSide) -> Int {
        if numbersArePlaces { return Int(truncatingIfNeeded: place) }
        if let found = (side == .old ? oldNumbers : newNumbers)[place] { return found }
        lastNumber += 1
        if let old = side == .old ? place : oldPartners[place] { oldNumbers[old] = lastNumber }
        if let new = side == .new ? place : newPartners[place] { newNumbers[new] = lastNumber }
        return lastNumber
    }
}

/// Tells whether values of a type can own records, or refer to them.
final class RecordHolders {
    private var known: [ObjectIdentifier: Bool] = [:]

    func mayHoldRecords(_ form: LineForm) -> Bool {
        let identifier = ObjectIdentifier(form)
        if let known = known[identifier] { return known }
        // Only records can contain themselves. Should a description say otherwise, it ends here.
        known[identifier] = false
        let found =
            switch form.content! {
            case .record, .reference: true
            case .optional(let wrapped, _, _): mayHoldRecords(wrapped)
            case .box(let content): mayHoldRecords(content)
            case .list(_, let element): mayHoldRecords(element)
            case .entries(let entries): entries.value.map(mayHoldRecords) ?? false
            case .union(let cases):
                cases.contains { $0.values.contains { mayHoldRecords($0.form) } }
            default: false
            }
        known[identifier] = found
        return found
    }
}
