import Holdfast
import HoldfastEngine

/// What `PersistentHeap.check(knowing:progress:)` has found.
public struct HeapCheck: Equatable, Sendable {
    /// Pages of 4096 bytes that were compared with their checksums.
    public let checkedPages: Int
    /// Pages whose newest contents are in the log, which has checksums of its own.
    public let loggedPages: Int
    /// Pages that do not hold what was written to them, in ascending order.
    public let damagedPages: [Int]
    /// What contradicts what: in the account of all pages and blocks, and in what the roots lead
    /// to, with the root and the place in it. At most 20 of each.
    public let problems: [String]
    /// Roots of types that this program does not know, so that what they lead to was not followed.
    public let unknownRoots: [Root]
    /// The roots, sorted by name, with what each holds and what is wrong with it. Empty if the
    /// catalogue itself cannot be read.
    public let roots: [RootStatistics]
    /// What ``damagedPages`` hold, in the same order.
    public let damage: [PageDamage]
    /// Blocks in use that no root leads to: those that the program has allocated by itself, or a
    /// leak. Nil if roots or blocks could not all be followed.
    public let unreachedBlocks: Int?

    /// Whether nothing was found. Reading the roots that were followed then traps nowhere.
    public var isSound: Bool { damagedPages.isEmpty && problems.isEmpty }

    /// A page that does not match its checksum.
    public struct PageDamage: Equatable, Sendable {
        /// What a page is used for.
        public enum Use: String, Sendable {
            /// The two copies of the header.
            case header
            /// The allocator's records, the page map or checksums.
            case records
            /// What roots own.
            case data
            /// Nothing.
            case free
            /// The account of pages does not say it.
            case unknown
        }

        /// Counted from 0, of 4096 bytes.
        public let page: Int
        /// What the account of pages says that it is used for.
        public let use: Use
        /// Roots that own something in the page, sorted; those of them that could be followed.
        public let roots: [String]
    }
}

extension PersistentHeap {
    /// Compares every page of the file with its checksum, the account of pages and blocks with
    /// itself, and follows every root through all that it holds. Finds every bit that has changed
    /// in the file since it was written, and what no checksum can: contradictions that a defect has
    /// written.
    ///
    /// Roots are followed whose type this program has used, that are made of Holdfast's own types
    /// only, or whose types, or those of the structs and enums in them, are among `types`; the
    /// others are named in ``HeapCheck/unknownRoots``, and their pages are compared like all
    /// others.
    ///
    /// Never traps, whatever the file holds. Changes nothing; readers and writers of all processes
    /// go on. O(heap); `progress` is told now and then how many pages are done, of how many. Throws
    /// the error of opening the heap once more, if the file cannot be opened.
    public func check(
        knowing types: [any Persistable.Type] = [],
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) -> HeapCheck {
        try requireOpen()
        try RunTimeTypes.install(knowing: types)
        if engine.mode == .inMemory || engine.mode == .privateCopy {
            // What has been changed in memory has no checksums.
            return try Self.check(engine, PageReport())
        }
        let snapshot = try makeSnapshotEngine()
        defer { try? snapshot.close() }
        return try Self.check(snapshot, try snapshot.scrub(progress: progress))
    }

    private static func check(_ engine: HeapEngine, _ pages: PageReport) throws(HeapError)
        -> HeapCheck
    {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let audit = try engine.audit()
        var verification = Verification(
            HeapAccess(context: context, epoch: context.pointee.epoch), watching: pages.damagedPages
        )
        verification.mayGoOn = { _ in engine.options.isCancelled?() != true }
        verification.run()
        try engine.requireReadable()
        if verification.wasCancelled { throw HeapError.cancelled(path: engine.path) }
        let isComplete =
            audit.problems.isEmpty && verification.problemCount == 0
            && verification.unknownRoots.isEmpty
        let blocks = audit.runs + audit.blocksInUse.reduce(0, +)
        return HeapCheck(
            checkedPages: pages.checkedPages, loggedPages: pages.loggedPages,
            damagedPages: pages.damagedPages,
            problems: audit.problems + verification.problems,
            unknownRoots: verification.unknownRoots,
            roots: verification.rootStatistics,
            damage: damage(pages.damagedPages, engine.pageUses(pages.damagedPages), verification),
            unreachedBlocks: isComplete ? blocks - verification.reachedBlocks : nil)
    }

    private static func damage(_ pages: [Int], _ uses: [PageUse], _ verification: Verification)
        -> [HeapCheck.PageDamage]
    {
        zip(pages, uses).map { page, use in
            let owners = verification.foundRoots.filter {
                verification.accounts[$0.keyPlace]?.watchedPages.contains(page) == true
            }
            return HeapCheck.PageDamage(
                page: page, use: HeapCheck.PageDamage.Use(rawValue: use.rawValue)!,
                roots: owners.map {
                    $0.name.hasPrefix(RootCatalogue.hiddenPrefix)
                        ? String($0.name.dropFirst()) : $0.name
                }
                .sorted())
        }
    }
}
