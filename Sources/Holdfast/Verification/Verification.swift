import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// The walk that determines what each root owns and finds contradictions. A check runs it in
/// addition to comparing page checksums. It also precedes a packed copy or an export.
package struct Verification: BlockVerifier {
    package let access: HeapAccess
    private var ledger: BlockLedger
    private var places: [VerificationStep] = []
    /// The problems found, each with its root and the place in it; no more than `problemLimit`.
    package private(set) var problems: [String] = []
    /// The number of problems found, including those beyond the limit.
    package private(set) var problemCount = 0
    /// Roots whose types this program does not know. They were not followed.
    package private(set) var unknownRoots: [Root] = []
    /// The places of their names, by which a root is found among any number.
    private var unknownPlaces: Set<UInt64> = []
    private static let problemLimit = 20

    /// A reference that has been found and not been followed yet.
    private struct Reference {
        let offset: UInt64
        let type: any ReferenceTarget.Type
        /// Whether it is an owner, which has claimed the record.
        let isOwner: Bool
        /// The root in which it was found.
        let root: VerificationStep?
    }

    private var references: [Reference] = []

    /// Work that is nested too deeply to be done at once, and waits until the walk has returned to
    /// its start.
    private struct Postponed {
        /// The length of the path prefix shared with the work that postponed this. That prefix is
        /// still in `places` when this is run, since the newest work is run first.
        let shared: Int
        /// The rest of the path.
        let rest: [VerificationStep]
        let work: (inout Verification) -> Void
    }

    private var postponed: [Postponed] = []
    /// This many entries of `postponed` belong to an outer walk. See `completely`.
    private var firstPostponed = 0
    /// The current nesting level, and the length of the path at the start of the outermost level.
    private var level = 0
    private var beginning = 0
    private static let directLevels = 16
    /// The nesting of work that may not be postponed. See `completely`.
    private var wholes = 0
    private static let mostWholes = 1000
    // The ledger notes which records were claimed by following a reference; an owner that is found
    // later may claim them as well. It also notes which records have an owner that shares them: so
    // a walk over any number of records takes a few bits for each.
    /// The number of shared references to the records that more than one leads to, and to places
    /// where no block in use begins.
    private var owners: [UInt64: UInt32] = [:]

    /// The targets of all references, if requested.
    package private(set) var referredPlaces: Set<UInt64> = []
    package var collectsReferredPlaces = false
    /// The only root to follow, or nil for all roots.
    package var onlyRoot: String?

    /// The data that each root owns, by the place of its name in the catalogue.
    package private(set) var accounts: [UInt64: RootAccount] = [:]
    /// The roots in the catalogue, in its order.
    package private(set) var foundRoots: [FoundRoot] = []
    /// Each root's owner number in the ledger's tally, by the place of its name. The catalogue is
    /// owner 0. Nil if owners are not requested.
    private var ownerNumbers: [UInt64: UInt32]?
    /// Whether the walk follows the roots, or visits only the catalogue.
    package var followsRoots = true
    /// The pages for which `accounts` records the owners, in ascending order.
    package let watchedPages: [Int]
    /// Called now and then with the number of bytes claimed so far. Returns whether to continue; if
    /// not, the walk ends soon without further problems.
    package var mayGoOn: ((_ claimedBytes: Int) -> Bool)?
    package private(set) var wasCancelled = false
    package var comparesIndexes: Bool { true }
    /// What is done about the indexes of tables.
    package var indexes = IndexTreatment.verified
    package var verifiesIndexesLater: Bool { indexes != .verified }
    /// The indexes to be verified at the end, each with its path.
    private var laterIndexes: [(path: [VerificationStep], work: (inout Verification) -> Void)] = []
    private var isVerifyingIndexes = false
    private var claims = 0
    /// A place whose root is looked for. The walk ends when it has been found.
    var sought: UInt64?
    /// The path to `sought`, and its type if it is a whole root.
    private(set) var soughtPath: String?
    private(set) var soughtType: (any Persistable.Type)?
    private var rootType: (any Persistable.Type)?
    /// The pages of all claimed blocks, if requested.
    package private(set) var claimedPages: PageSet?

    package init(_ access: HeapAccess, watching pages: [Int] = []) {
        self.access = access
        ledger = BlockLedger(access)
        watchedPages = pages
    }

    /// A problem with the catalogue itself, outside of any root.
    package private(set) var catalogueProblem: String?

    /// Returns whether the bytes are inside the heap.
    package func ledgerContains(_ offset: UInt64, _ byteCount: Int) -> Bool {
        ledger.contains(offset, byteCount)
    }

    /// The number of blocks in use that the walk has reached.
    package var reachedBlocks: Int { ledger.claimedBlocks }

    package mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool {
        guard let problem = claimInLedger(offset, byteCount: byteCount, alignment: alignment) else {
            return !wasCancelled
        }
        // It has been verified already, and has an owner from here on.
        if ledger.forgetReferred(offset) { return false }
        report("\(what()) \(problem)")
        return false
    }

    /// Claims the block and attributes it to the current root.
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
        if let sought, sought >= offset, sought - offset < byteCount { find(at: offset) }
        claimedPages?.insert(bytesAt: offset, count: byteCount)
        guard case .value(let name, _)? = places.first else { return nil }
        accounts[name, default: RootAccount()].add(
            offset, byteCount: byteCount, blockBytes: ledger.claimedBytes - bytes,
            // The values of an index are also in the rows.
            watching: isVerifyingIndexes ? [] : watchedPages)
        return nil
    }

    /// Ends the walk in the block that contains what is sought.
    private mutating func find(at block: UInt64) {
        guard !places.isEmpty else { return }
        soughtPath = String(placeDescription.dropLast(2))
        if places.count == 1, sought == block { soughtType = rootType }
        wasCancelled = true
    }

    package mutating func report(_ problem: String) {
        problemCount += 1
        if isVerifyingIndexes {
            if let rootPlace {
                accounts[rootPlace, default: RootAccount()].add(
                    indexProblem: placeDescription + problem)
            }
            return
        }
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

    // MARK: Indexes

    package mutating func verifyLater(_ work: @escaping (inout Verification) -> Void) {
        if indexes == .noted { laterIndexes.append((places, work)) }
    }

    /// After everything else, because a damaged index may lead to the blocks of others.
    private mutating func verifyIndexes() {
        isVerifyingIndexes = true
        for (path, work) in laterIndexes {
            places = path
            work(&self)
        }
        places = []
        laterIndexes = []
        isVerifyingIndexes = false
    }

    // MARK: Ownership

    /// Starts recording which root leads to which block.
    package mutating func recordOwners() {
        ownerNumbers = [:]
        ledger.recordOwners()
    }

    /// Starts collecting the pages from which the data of claimed blocks is read, and the word that
    /// leads to the catalogue.
    package mutating func collectPages() {
        claimedPages = PageSet()
        claimedPages?.insert(Int(HeapLayout.allocatorRootPage))
    }

    /// Every page, and the owners of its contents as far as they have been recorded. Owner 1 is the
    /// first of `foundRoots`.
    package var pageAccount: PageAccount { ledger.pageAccount }

    /// Returns whether the type of a found root is known, so that the root was followed.
    package func isFollowed(_ root: FoundRoot) -> Bool {
        root.description != nil && !unknownPlaces.contains(root.keyPlace)
    }

    /// The place of the name of the current root.
    private var rootPlace: UInt64? {
        guard case .value(let offset, _)? = places.first else { return nil }
        return offset
    }

    /// The name of the current root.
    private var rootName: String? {
        guard let offset = rootPlace else { return nil }
        return String.load(access.load(offset, as: StoredBytes.self), from: access)
    }

    /// Whether the root at the current place is followed.
    private var followsRoot: Bool { followsRoots && (onlyRoot == nil || onlyRoot == rootName) }

    /// Records that the catalogue has a root at the current place, whose name has been verified.
    /// Nil stands for parts of its record that could not be read.
    private mutating func addRoot(describedAs description: String?, placeAt place: UInt64) {
        guard case .value(let keyPlace, _)? = places.first else { return }
        foundRoots.append(
            FoundRoot(self, keyPlace: keyPlace, place: place, description: description))
        ownerNumbers?[keyPlace] = UInt32(foundRoots.count)
    }

    package mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64
    ) {
        addRoot(describedAs: description, placeAt: place)
        guard let description, matches(description, fingerprint), followsRoot else { return }
        guard let type = TypeRegistry.shared.type(describedAs: description),
            Self.storedBytes(of: type) == 8
        else {
            return addUnknownRoot(describedAs: description)
        }
        rootType = type
        type.verify(at: place, in: &self)
    }

    /// A root is stored as one relative pointer.
    private static func storedBytes<Value: Persistable>(of type: Value.Type) -> Int {
        MemoryLayout<Value.Stored>.size
    }

    /// Records that the root at the current place is not followed.
    private mutating func addUnknownRoot(describedAs description: String) {
        guard let name = rootName, let rootPlace else { return }
        unknownPlaces.insert(rootPlace)
        unknownRoots.append(Root(name: name, type: TypeDescription(description)))
    }

    private var placeDescription: String { places.description(in: access) }

    package mutating func follow<Record: ReferenceTarget>(
        _ offset: UInt64, to type: Record.Type, shares: Bool
    ) {
        if collectsReferredPlaces { referredPlaces.insert(offset) }
        if shares {
            // The first of its owners claims it, unless it has been claimed without an owner. The
            // others are only counted.
            if owners[offset] != nil || ledger.isNoted(.owned, of: offset) {
                owners[offset, default: 1] += 1
                return
            }
            if !ledger.note(.owned, of: offset) { owners[offset] = 1 }
            if ledger.isNoted(.referred, of: offset) || !claim(recordAt: offset, type) { return }
        }
        references.append(
            Reference(offset: offset, type: type, isOwner: shares, root: places.first))
    }

    /// The targets of references that are inside data with another owner.
    package var ownedReferredPlaces: Set<UInt64> {
        referredPlaces.filter { !ledger.isNoted(.referred, of: $0) && !isShared($0) }
    }

    /// Whether the record has an owner that shares it.
    private func isShared(_ offset: UInt64) -> Bool {
        ledger.isNoted(.owned, of: offset) || owners[offset] != nil
    }

    package mutating func followReferences() {
        // A cancelled walk claims nothing, and would not come to the end of a cycle.
        while !wasCancelled, let reference = references.popLast() {
            places = reference.root.map { [$0, .part("through references")] } ?? []
            follow(reference, reference.type)
        }
        places = []
    }

    private mutating func follow<Record: ReferenceTarget>(
        _ reference: Reference, _ type: Record.Type
    ) {
        let offset = reference.offset
        if !reference.isOwner {
            let block = type.recordBlock
            guard
                claimInLedger(
                    offset, byteCount: block.byteCount, alignment: RecordBlock.alignment) == nil
            else {
                // It has been claimed by its owner or by another reference if it is a record of
                // this type, and not at all otherwise.
                let isRecord =
                    ledger.isClaimed(
                        offset, byteCount: block.byteCount, alignment: RecordBlock.alignment)
                    && load(offset, as: UInt32.self) == block.tag
                if !isRecord {
                    report("a reference leads to \(offset), where there is no \(type.storedName)")
                }
                return
            }
            _ = ledger.note(.referred, of: offset)
            guard load(offset, as: UInt32.self) == block.tag else {
                return report(
                    "the block at \(offset) does not have the header of a \(type.storedName)"
                )
            }
        }
        Record.verifyFields(at: offset, in: &self)
    }

    /// Checks that every shared record counts as many owners as have been found. Not possible if
    /// some roots could not be followed.
    private mutating func compareOwners() {
        guard unknownRoots.isEmpty, problemCount == 0 else { return }
        var wrong: [(offset: UInt64, stated: UInt32, count: UInt32)] = []
        forEachSharedRecord { offset, count in
            let stated = load(offset, as: StoredRecord.self).owners
            if stated != count { wrong.append((offset, stated, count)) }
        }
        for (offset, stated, count) in wrong {
            report(
                "the shared record at \(offset) has a reference count of \(stated), but there "
                    + "are \(count)"
            )
        }
    }

    /// Calls `body` with each shared record that the walk has found, and the number of references
    /// to it.
    package func forEachSharedRecord(_ body: (_ offset: UInt64, _ owners: UInt32) -> Void) {
        ledger.forEachOwned { body($0, owners[$0] ?? 1) }
    }

    /// Walks everything, starting from the catalogue.
    package mutating func run() {
        followRoots()
        compareOwners()
        verifyIndexes()
    }

    /// Walks everything. Throws `cancelled` once `isCancelled` says so.
    mutating func run(unless isCancelled: @escaping () -> Bool) throws(HeapError) {
        mayGoOn = { _ in !isCancelled() }
        run()
        if wasCancelled { throw HeapError.cancelled(path: access.heapPath) }
    }

    package mutating func followRoots() {
        let offset = access.catalogue
        if offset != 0 { RootCatalogue.verify(at: offset, in: &self) }
        followReferences()
    }

    // MARK: Unreachable records

    /// The blocks in use that have not been claimed.
    package var unclaimedBlocks: [BlockLedger.Block] { ledger.unclaimedBlocks() }

    /// Claims the unreachable records of known types, with everything that they own. Returns the
    /// records and all of those blocks.
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
            _ = ledger.note(.referred, of: block.offset)
            layout.type.verifyFields(at: block.offset, in: &self)
        }
        followReferences()
        let blocks = ledger.blocks(claimedSince: before)
        // Data that one of them owns by value is listed with its owner.
        for block in blocks
        where ledger.isNoted(.referred, of: block.offset) || isShared(block.offset) {
            if let layout = layouts[load(block.offset, as: UInt32.self)] {
                records.append((block.offset, layout))
            }
        }
        return (records, blocks)
    }
}
