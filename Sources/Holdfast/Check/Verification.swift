import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// A walk over everything that the roots of a heap lead to, which trusts none of it: what
/// ``PersistentHeap/check(knowing:progress:)`` does besides comparing pages.
///
/// Each persistable type verifies its own stored form, see ``Persistable/verify(at:in:)``. The
/// rules that keep a walk over damaged bytes from going astray:
/// - bytes are read only where they lie in a block that has been claimed (`claim`), beginning with
///   the catalogue;
/// - a block can be claimed once, so two owners of one block are found, and no walk goes round in a
///   circle;
/// - what contradicts something is reported and not followed.
///
/// Belongs to one read transaction and its thread.
public struct Verification {
    /// The transaction's bytes.
    public let access: HeapAccess
    private var ledger: BlockLedger
    private var places: [Place] = []
    /// What has been found, each with the root and the place in it; no more than `problemLimit`.
    public private(set) var problems: [String] = []
    /// How much has been found, also beyond the limit.
    public private(set) var problemCount = 0
    /// Roots of types that this program does not know, and that were therefore not followed.
    public private(set) var unknownRoots: [Root] = []
    private static let problemLimit = 20

    /// A reference that has been come by and not been followed yet.
    private struct Reference {
        let offset: UInt64
        let type: any PersistableRecord.Type
        /// The root that it was come by from.
        let root: Place?
    }

    private var references: [Reference] = []

    /// What is nested too deep to be verified at once, and waits until the walk has come back to
    /// where it began.
    private struct Postponed {
        /// How much of the way to it is the way to where the work began that came by it. That is
        /// still in `places` when its turn comes, since the newest work comes first.
        let shared: Int
        /// The rest of the way.
        let rest: [Place]
        let work: (inout Verification) -> Void
    }

    private var postponed: [Postponed] = []
    /// Of `postponed`, as many are none of the present walk's; see `completely`.
    private var firstPostponed = 0
    /// Levels of values in values that the walk is in, and the length of the way to where the
    /// outermost began.
    private var level = 0
    private var beginning = 0
    private static let directLevels = 16
    /// Levels of what may not wait; see `completely`.
    private var wholes = 0
    private static let mostWholes = 1000
    /// Records that have been claimed by following a reference. An owner that is found later is
    /// welcome to them.
    private var claimedByReference: Set<UInt64> = []
    /// How many shared references have been found to each record that has any.
    private var owners: [UInt64: UInt32] = [:]

    /// Places that references lead to, if they are asked for.
    private(set) var referredPlaces: Set<UInt64> = []
    var collectsReferredPlaces = false
    /// The only root to be followed, if it is not all of them.
    var onlyRoot: String?

    /// A step on the way from the catalogue to where the walk is.
    public enum Place {
        /// An element of an array.
        case element(Int)
        /// The value of a map's entry, by the place of its key, which has been verified.
        case value(keyAt: UInt64, any PersistableKey.Type)
        /// A field of a record.
        case field(String)
        /// A part that has a name of its own.
        case part(StaticString)
    }

    /// What each root has been found to own, by the place of its name in the catalogue.
    private(set) var accounts: [UInt64: RootAccount] = [:]
    /// The roots that the catalogue has, in its order.
    private(set) var foundRoots: [FoundRoot] = []
    /// The owner that each root is in the ledger's tally, by the place of its name; the catalogue
    /// is owner 0. Nil if owners are not asked for.
    private var ownerNumbers: [UInt64: UInt32]?
    /// Whether what the roots lead to is followed, or only the catalogue.
    var followsRoots = true
    /// Pages that `accounts` are to say of whose they are, in ascending order.
    let watchedPages: [Int]
    /// Asked now and then whether to go on, with the bytes that have been claimed; a walk that is
    /// not to go on ends soon, having found nothing more.
    var mayGoOn: ((_ claimedBytes: Int) -> Bool)?
    private(set) var wasCancelled = false
    private var claims = 0

    init(_ access: HeapAccess, watching pages: [Int] = []) {
        self.access = access
        ledger = BlockLedger(access)
        watchedPages = pages
    }

    /// What is wrong with the catalogue of roots itself, outside of any root.
    private(set) var catalogueProblem: String?

    /// Whether the bytes lie in the heap.
    func ledgerContains(_ offset: UInt64, _ byteCount: Int) -> Bool {
        ledger.contains(offset, byteCount)
    }

    /// Blocks in use that the walk has come to.
    var reachedBlocks: Int { ledger.claimedBlocks }

    /// Claims the block at `offset` that was allocated with this size and alignment; false, and a
    /// report, if no such block is in use there or something else owns it: then it must not be
    /// read. `what` completes "… lies at 4711, where".
    public mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool {
        guard let problem = claimInLedger(offset, byteCount: byteCount, alignment: alignment) else {
            return !wasCancelled
        }
        // It has been verified already; and from here on it has an owner.
        if claimedByReference.remove(offset) != nil { return false }
        report("\(what()) \(problem)")
        return false
    }

    /// Claims the block, and notes for which root.
    private mutating func claimInLedger(_ offset: UInt64, byteCount: Int, alignment: Int) -> String?
    {
        claims += 1
        if claims & 4095 == 0, let mayGoOn, !mayGoOn(ledger.claimedBytes) { wasCancelled = true }
        if wasCancelled { return nil }
        if let ownerNumbers { ledger.owner = rootPlace.flatMap { ownerNumbers[$0] } ?? 0 }
        let bytes = ledger.claimedBytes
        if let problem = ledger.claim(offset, byteCount: byteCount, alignment: alignment) {
            return problem
        }
        guard case .value(let name, _)? = places.first else { return nil }
        accounts[name, default: RootAccount()].add(
            offset, byteCount: byteCount, blockBytes: ledger.claimedBytes - bytes,
            watching: watchedPages)
        return nil
    }

    /// Claims the block of a single stored form.
    mutating func claim<Stored>(
        _ offset: UInt64, for type: Stored.Type, _ what: @autoclosure () -> String
    ) -> Bool {
        claim(
            offset, byteCount: MemoryLayout<Stored>.size, alignment: MemoryLayout<Stored>.alignment,
            what())
    }

    /// Reads bytes of a block that has been claimed.
    public func load<T: BitwiseCopyable>(_ offset: UInt64, as type: T.Type) -> T {
        access.load(offset, as: type)
    }

    /// Records what is wrong at the present place.
    public mutating func report(_ problem: String) {
        problemCount += 1
        if case .value(let name, _)? = places.first {
            accounts[name, default: RootAccount()].add(problem: placeDescription + problem)
        }
        if places.isEmpty, catalogueProblem == nil { catalogueProblem = placeDescription + problem }
        if problems.count < Self.problemLimit { problems.append("\(placeDescription)\(problem)") }
    }

    /// Runs `body` with `place` as the next step of the way.
    public mutating func within(_ place: Place, _ body: (inout Verification) -> Void) {
        places.append(place)
        DeepStack.run { body(&self) }
        places.removeLast()
    }

    // MARK: Depth

    // How deep values lie in values is up to the file. Records and unions, which may hold others of
    // their own type, are verified between `enterLevel` and `leaveLevel`, or, deep inside, by
    // `postpone`; so the depth of the data costs a list and no stack.

    /// Begins a level; false if it is too deep a one for now, so that its work is to be postponed.
    mutating func enterLevel() -> Bool {
        guard level < Self.directLevels else { return false }
        if level == 0 { beginning = places.count }
        level += 1
        return true
    }

    /// Ends a level; the outermost one with everything that was postponed.
    mutating func leaveLevel() {
        level -= 1
        if level == 0, postponed.count > firstPostponed { verifyPostponed() }
    }

    /// Has `work` done, at the present place, when the outermost level is about to end.
    mutating func postpone(_ work: @escaping (inout Verification) -> Void) {
        let rest = Array(places[beginning...])
        postponed.append(Postponed(shared: beginning, rest: rest, work: work))
    }

    private mutating func verifyPostponed() {
        let here = places.count
        while postponed.count > firstPostponed, let next = postponed.popLast() {
            places.removeSubrange(next.shared...)
            places += next.rest
            beginning = places.count
            level = 1
            next.work(&self)
            level = 0
        }
        places.removeSubrange(here...)
    }

    /// Verifies with `body` what is going to be read right afterwards, so that nothing of it may
    /// wait.
    mutating func completely(_ body: (inout Verification) -> Void) {
        guard wholes < Self.mostWholes else {
            return report("values that are read whole are nested \(wholes) levels deep")
        }
        wholes += 1
        let outer = (level, beginning, firstPostponed)
        (level, firstPostponed) = (0, postponed.count)
        body(&self)
        (level, beginning, firstPostponed) = outer
        wholes -= 1
    }

    // MARK: Who owns what

    /// Records from here on which root leads to which block.
    mutating func recordOwners() {
        ownerNumbers = [:]
        ledger.recordOwners()
    }

    /// Every page, and the owners of what is in it as far as they have been recorded: owner 1 is
    /// the first of `foundRoots`.
    var pageAccount: PageAccount { ledger.pageAccount }

    /// Whether the type of a root that was found is known, so that it was followed.
    func isFollowed(_ root: FoundRoot) -> Bool {
        root.description != nil && !unknownRoots.contains { $0.name == root.name }
    }

    /// The place of the name of the root that the walk is in.
    private var rootPlace: UInt64? {
        guard case .value(let offset, _)? = places.first else { return nil }
        return offset
    }

    /// The name of the root that the walk is in.
    private var rootName: String? {
        guard let offset = rootPlace else { return nil }
        return String.load(access.load(offset, as: StoredBytes.self), from: access)
    }

    /// Whether the root at the present place is to be followed.
    var followsRoot: Bool { followsRoots && (onlyRoot == nil || onlyRoot == rootName) }

    /// Notes that the catalogue has a root at the present place, whose name has been verified. Nil
    /// for what its record could not say.
    mutating func addRoot(describedAs description: String?, placeAt place: UInt64) {
        guard case .value(let keyPlace, _)? = places.first else { return }
        let name = String.load(access.load(keyPlace, as: StoredBytes.self), from: access)
        foundRoots.append(
            FoundRoot(
                keyPlace: keyPlace, place: place, name: name, description: description,
                offset: load(place, as: UInt64.self)))
        ownerNumbers?[keyPlace] = UInt32(foundRoots.count)
    }

    /// Notes that the root at the present place is left out.
    mutating func addUnknownRoot(describedAs description: String) {
        guard let name = rootName else { return }
        unknownRoots.append(Root(name: name, type: TypeDescription(description)))
    }

    /// `root "stock", ["bolt"], [3]: `, or nothing in the catalogue itself.
    private var placeDescription: String {
        guard !places.isEmpty else { return "the catalogue of roots: " }
        var steps: [String]
        let shown = Self.shownSteps
        if places.count <= 2 * shown {
            steps = places.indices.map(step)
        } else {
            steps = (0 ..< shown).map(step)
            steps.append("… (\(places.count - 2 * shown) steps)")
            steps += places.indices.suffix(shown).map(step)
        }
        return steps.joined(separator: ", ") + ": "
    }

    /// At each end of a way, if it is too long to be shown whole.
    private static let shownSteps = 12

    private func step(_ index: Int) -> String {
        switch places[index] {
        case .element(let number): "[\(number)]"
        case .value(let offset, let type):
            index == 0 ? "root \(key(offset, type))" : "[\(key(offset, type))]"
        case .field(let name): name
        case .part(let name): "\(name)"
        }
    }

    private func key<Key: PersistableKey>(_ offset: UInt64, _ type: Key.Type) -> String {
        let text = Key.load(access.load(offset, as: Key.Stored.self), from: access)
        return String(String(reflecting: text).prefix(60))
    }

    /// Notes a reference to a record, to be followed when everything that has an owner is known.
    /// `shares`: it counts as an owner itself.
    mutating func follow<Record: PersistableRecord>(
        _ offset: UInt64, to type: Record.Type, shares: Bool
    ) {
        if collectsReferredPlaces { referredPlaces.insert(offset) }
        if shares {
            owners[offset, default: 0] += 1
            if owners[offset]! > 1 { return }
            // The first of its owners claims it, unless it has been claimed as nobody's; the others
            // only count.
            if claimedByReference.contains(offset) || !claim(recordAt: offset, type) { return }
        }
        references.append(Reference(offset: offset, type: type, root: places.first))
    }

    /// Of the places that references lead to, those that are inside what something else owns.
    var ownedReferredPlaces: Set<UInt64> {
        referredPlaces.filter { !claimedByReference.contains($0) && owners[$0] == nil }
    }

    mutating func followReferences() {
        while let reference = references.popLast() {
            places = reference.root.map { [$0, .part("through references")] } ?? []
            follow(reference, reference.type)
        }
        places = []
    }

    private mutating func follow<Record: PersistableRecord>(
        _ reference: Reference, _ type: Record.Type
    ) {
        let offset = reference.offset
        if owners[offset] == nil {
            let layout = RecordLayout.of(type)
            guard
                claimInLedger(
                    offset, byteCount: layout.byteCount, alignment: RecordLayout.alignment) == nil
            else {
                // Claimed by its owner, or by another reference, if it is what it should be; or
                // nothing at all.
                let isRecord =
                    ledger.isClaimed(
                        offset, byteCount: layout.byteCount, alignment: RecordLayout.alignment)
                    && load(offset, as: StoredRecord.self).tag == layout.tag
                if !isRecord {
                    report("a reference leads to \(offset), where there is no \(layout.typeName)")
                }
                return
            }
            claimedByReference.insert(offset)
            guard load(offset, as: StoredRecord.self).tag == layout.tag else {
                return report(
                    "what should be a \(layout.typeName) lies at \(offset) and does not begin "
                        + "as one"
                )
            }
        }
        Record.verifyFields(at: offset, in: &self)
    }

    /// Every shared record counts as many owners as have been found. Not known where some roots
    /// could not be followed.
    private mutating func compareOwners() {
        guard unknownRoots.isEmpty, problemCount == 0 else { return }
        for (offset, count) in owners {
            let stated = load(offset, as: StoredRecord.self).owners
            if stated != count {
                report(
                    "the shared record at \(offset) counts \(stated) references, and there are "
                        + "\(count)"
                )
            }
        }
    }

    /// Walks everything from the catalogue on.
    mutating func run() {
        followRoots()
        compareOwners()
    }

    mutating func followRoots() {
        let offset = access.catalogue
        if offset != 0 { RootCatalogue.verify(at: offset, in: &self) }
        followReferences()
    }

    // MARK: What no root leads to

    /// Blocks in use that have not been claimed.
    var unclaimedBlocks: [BlockLedger.Block] { ledger.unclaimedBlocks() }

    /// Claims the records of known types that nothing has led to, with all that they own, and
    /// returns the records and all of those blocks.
    mutating func claimUnreachableRecords() -> (
        records: [(offset: UInt64, layout: RecordLayout)], blocks: [BlockLedger.Block]
    ) {
        let before = ledger
        var records: [(offset: UInt64, layout: RecordLayout)] = []
        let layouts = RecordLayout.all
        for block in ledger.unclaimedBlocks() {
            let tag = load(block.offset, as: UInt32.self)
            guard tag != 0, let layout = layouts[tag],
                ledger.claim(
                    block.offset, byteCount: layout.byteCount, alignment: RecordLayout.alignment)
                    == nil
            else { continue }
            claimedByReference.insert(block.offset)
            layout.type.verifyFields(at: block.offset, in: &self)
        }
        followReferences()
        let blocks = ledger.blocks(claimedSince: before)
        // What one of them owns by value is listed with its owner.
        for block in blocks
        where claimedByReference.contains(block.offset) || owners[block.offset] != nil {
            if let layout = layouts[load(block.offset, as: UInt32.self)] {
                records.append((block.offset, layout))
            }
        }
        return (records, blocks)
    }

    /// The references from everything that the roots lead to, so that counts can be set right.
    var sharedOwners: [UInt64: UInt32] { owners }
}

/// A root as the catalogue has it. What it says of itself has been verified, and nothing else.
struct FoundRoot {
    let keyPlace: UInt64
    /// Where the word stands that leads to the root, and what it says.
    let place: UInt64
    let name: String
    /// Nil if it could not be read.
    let description: String?
    let offset: UInt64
}

/// What a root owns, as far as a walk has come to it; what others refer to as well counts for the
/// first that has led to it.
struct RootAccount {
    private(set) var blocks = 0
    /// As allocated.
    private(set) var bytes = 0
    /// At most 20.
    private(set) var problems: [String] = []
    /// Those of the watched pages that one of its blocks lies in.
    private(set) var watchedPages: Set<Int> = []

    mutating func add(problem: String) { if problems.count < 20 { problems.append(problem) } }

    mutating func add(_ offset: UInt64, byteCount: Int, blockBytes: Int, watching pages: [Int]) {
        blocks += 1
        bytes += blockBytes
        guard !pages.isEmpty else { return }
        let first = Int(offset >> HeapLayout.pageShift)
        let last = Int((offset + UInt64(max(byteCount, 1)) - 1) >> HeapLayout.pageShift)
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            if pages[middle] < first { low = middle + 1 } else { high = middle }
        }
        while low < pages.count, pages[low] <= last {
            watchedPages.insert(pages[low])
            low += 1
        }
    }
}
