import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// The walk that finds out what each root owns and what contradicts what: what a check does besides
/// comparing pages, and what comes before a heap's blocks are moved or written as lines.
package struct Verification: BlockVerifier {
    package let access: HeapAccess
    private var ledger: BlockLedger
    private var places: [VerificationStep] = []
    /// What has been found, each with the root and the place in it; no more than `problemLimit`.
    package private(set) var problems: [String] = []
    /// How much has been found, also beyond the limit.
    package private(set) var problemCount = 0
    /// Roots of types that this program does not know, and that were therefore not followed.
    package private(set) var unknownRoots: [Root] = []
    private static let problemLimit = 20

    /// A reference that has been come by and not been followed yet.
    private struct Reference {
        let offset: UInt64
        let type: any ReferenceTarget.Type
        /// The root that it was come by from.
        let root: VerificationStep?
    }

    private var references: [Reference] = []

    /// What is nested too deep to be verified at once, and waits until the walk has come back to
    /// where it began.
    private struct Postponed {
        /// How much of the way to it is the way to where the work began that came by it. That is
        /// still in `places` when its turn comes, since the newest work comes first.
        let shared: Int
        /// The rest of the way.
        let rest: [VerificationStep]
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
    package private(set) var referredPlaces: Set<UInt64> = []
    package var collectsReferredPlaces = false
    /// The only root to be followed, if it is not all of them.
    package var onlyRoot: String?

    /// What each root has been found to own, by the place of its name in the catalogue.
    package private(set) var accounts: [UInt64: RootAccount] = [:]
    /// The roots that the catalogue has, in its order.
    package private(set) var foundRoots: [FoundRoot] = []
    /// The owner that each root is in the ledger's tally, by the place of its name; the catalogue
    /// is owner 0. Nil if owners are not asked for.
    private var ownerNumbers: [UInt64: UInt32]?
    /// Whether what the roots lead to is followed, or only the catalogue.
    package var followsRoots = true
    /// Pages that `accounts` are to say of whose they are, in ascending order.
    package let watchedPages: [Int]
    /// Asked now and then whether to go on, with the bytes that have been claimed; a walk that is
    /// not to go on ends soon, having found nothing more.
    package var mayGoOn: ((_ claimedBytes: Int) -> Bool)?
    package private(set) var wasCancelled = false
    private var claims = 0

    package init(_ access: HeapAccess, watching pages: [Int] = []) {
        self.access = access
        ledger = BlockLedger(access)
        watchedPages = pages
    }

    /// What is wrong with the catalogue of roots itself, outside of any root.
    package private(set) var catalogueProblem: String?

    /// Whether the bytes lie in the heap.
    package func ledgerContains(_ offset: UInt64, _ byteCount: Int) -> Bool {
        ledger.contains(offset, byteCount)
    }

    /// Blocks in use that the walk has come to.
    package var reachedBlocks: Int { ledger.claimedBlocks }

    package mutating func claim(
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

    package mutating func report(_ problem: String) {
        problemCount += 1
        if case .value(let name, _)? = places.first {
            accounts[name, default: RootAccount()].add(problem: placeDescription + problem)
        }
        if places.isEmpty, catalogueProblem == nil { catalogueProblem = placeDescription + problem }
        if problems.count < Self.problemLimit { problems.append("\(placeDescription)\(problem)") }
    }

    package mutating func within(_ place: VerificationStep, _ body: (inout Verification) -> Void) {
        places.append(place)
        DeepStack.run { body(&self) }
        places.removeLast()
    }

    // MARK: Depth

    package mutating func enterLevel() -> Bool {
        guard level < Self.directLevels else { return false }
        if level == 0 { beginning = places.count }
        level += 1
        return true
    }

    package mutating func leaveLevel() {
        level -= 1
        if level == 0, postponed.count > firstPostponed { verifyPostponed() }
    }

    package mutating func postpone(_ work: @escaping (inout Verification) -> Void) {
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

    package mutating func completely(_ body: (inout Verification) -> Void) {
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
    package mutating func recordOwners() {
        ownerNumbers = [:]
        ledger.recordOwners()
    }

    /// Every page, and the owners of what is in it as far as they have been recorded: owner 1 is
    /// the first of `foundRoots`.
    package var pageAccount: PageAccount { ledger.pageAccount }

    /// Whether the type of a root that was found is known, so that it was followed.
    package func isFollowed(_ root: FoundRoot) -> Bool {
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
    private var followsRoot: Bool { followsRoots && (onlyRoot == nil || onlyRoot == rootName) }

    /// Notes that the catalogue has a root at the present place, whose name has been verified. Nil
    /// for what its record could not say.
    private mutating func addRoot(describedAs description: String?, placeAt place: UInt64) {
        guard case .value(let keyPlace, _)? = places.first else { return }
        let name = String.load(access.load(keyPlace, as: StoredBytes.self), from: access)
        foundRoots.append(
            FoundRoot(
                keyPlace: keyPlace, place: place, name: name, description: description,
                offset: load(place, as: UInt64.self)))
        ownerNumbers?[keyPlace] = UInt32(foundRoots.count)
    }

    package mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64
    ) {
        addRoot(describedAs: description, placeAt: place)
        guard let description else { return }
        guard TypeRegistry.fingerprint(of: description) == fingerprint else {
            return report(
                "its type is described as \(description), which is not what its fingerprint says")
        }
        guard followsRoot else { return }
        guard let type = TypeRegistry.shared.type(describedAs: description),
            Self.storedBytes(of: type) == 8
        else {
            return addUnknownRoot(describedAs: description)
        }
        type.verify(at: place, in: &self)
    }

    /// A root is kept as one relative pointer.
    private static func storedBytes<Value: Persistable>(of type: Value.Type) -> Int {
        MemoryLayout<Value.Stored>.size
    }

    /// Notes that the root at the present place is left out.
    private mutating func addUnknownRoot(describedAs description: String) {
        guard let name = rootName else { return }
        unknownRoots.append(Root(name: name, type: TypeDescription(description)))
    }

    private var placeDescription: String { places.description(in: access) }

    package mutating func follow<Record: ReferenceTarget>(
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
    package var ownedReferredPlaces: Set<UInt64> {
        referredPlaces.filter { !claimedByReference.contains($0) && owners[$0] == nil }
    }

    package mutating func followReferences() {
        while let reference = references.popLast() {
            places = reference.root.map { [$0, .part("through references")] } ?? []
            follow(reference, reference.type)
        }
        places = []
    }

    private mutating func follow<Record: ReferenceTarget>(
        _ reference: Reference, _ type: Record.Type
    ) {
        let offset = reference.offset
        if owners[offset] == nil {
            let block = type.recordBlock
            guard
                claimInLedger(
                    offset, byteCount: block.byteCount, alignment: RecordBlock.alignment) == nil
            else {
                // Claimed by its owner, or by another reference, if it is what it should be; or
                // nothing at all.
                let isRecord =
                    ledger.isClaimed(
                        offset, byteCount: block.byteCount, alignment: RecordBlock.alignment)
                    && load(offset, as: UInt32.self) == block.tag
                if !isRecord {
                    report("a reference leads to \(offset), where there is no \(type.storedName)")
                }
                return
            }
            claimedByReference.insert(offset)
            guard load(offset, as: UInt32.self) == block.tag else {
                return report(
                    "what should be a \(type.storedName) lies at \(offset) and does not begin "
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
    package mutating func run() {
        followRoots()
        compareOwners()
    }

    package mutating func followRoots() {
        let offset = access.catalogue
        if offset != 0 { RootCatalogue.verify(at: offset, in: &self) }
        followReferences()
    }

    // MARK: What no root leads to

    /// Blocks in use that have not been claimed.
    package var unclaimedBlocks: [BlockLedger.Block] { ledger.unclaimedBlocks() }

    /// Claims the records of known types that nothing has led to, with all that they own, and
    /// returns the records and all of those blocks.
    package mutating func claimUnreachableRecords() -> (
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
    package var sharedOwners: [UInt64: UInt32] { owners }
}
