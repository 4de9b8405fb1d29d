import Holdfast
import HoldfastEngine

/// The result of `PersistentHeap.check(knowing:progress:)`.
public struct HeapCheck: Equatable, Sendable {
    /// The number of pages of 4096 bytes that were compared with their checksums.
    public let checkedPages: Int
    /// The number of pages whose newest contents are in the log, which has checksums of its own.
    public let loggedPages: Int
    /// The pages whose contents do not match their checksums, in ascending order.
    public let damagedPages: [Int]
    /// Contradictions in the use of pages and blocks, and in the data that the roots lead to, with
    /// the root and the place in it. At most 20 of each kind.
    public let problems: [String]
    /// Roots with types that this program does not know. Their contents were not followed.
    public let unknownRoots: [Root]
    /// The roots, sorted by name, each with its size and its problems. Empty if the catalogue
    /// itself cannot be read.
    public let roots: [RootStatistics]
    /// The use of each of the ``damagedPages``, in the same order.
    public let damage: [PageDamage]
    /// The number of blocks in use that no root leads to: blocks that the program has allocated
    /// directly, or a leak. Nil if not all roots or blocks could be followed.
    public let unreachedBlocks: Int?

    /// Whether no problems were found. Reading the roots that were followed then cannot trap.
    public var isSound: Bool { damagedPages.isEmpty && problems.isEmpty }

    /// A page that does not match its checksum.
    public struct PageDamage: Equatable, Sendable {
        /// The use of a page.
        public enum Use: String, Sendable {
            /// The two copies of the header.
            case header
            /// The allocator's records, the page map, or checksums.
            case records
            /// Data that roots own.
            case data
            /// A free page.
            case free
            /// A page that the page map does not account for.
            case unknown
        }

        /// The page number, counted from 0. A page has 4096 bytes.
        public let page: Int
        /// The use of the page, from the page map.
        public let use: Use
        /// The roots that own data in the page, sorted, as far as they could be followed.
        public let roots: [String]
    }
}

extension PersistentHeap {
    /// Checks the whole heap: compares every page of the file with its checksum, checks the use of
    /// pages and blocks for consistency, and follows every root through all of its contents.
    ///
    /// The check finds every bit that has changed in the file since it was written. It also finds
    /// errors that no checksum can find: contradictions that a defect has written.
    ///
    /// A root is followed if this program has used its type, if it consists only of Holdfast's own
    /// types, or if its type, or the structs and enums in it, are among `types`. Other roots are
    /// listed in ``HeapCheck/unknownRoots``, and their pages are compared like all others.
    ///
    /// The check never traps, whatever the file contains. It changes nothing, and readers and
    /// writers of all processes continue. `progress` is called now and then with the number of
    /// pages done and the total.
    ///
    /// - Throws: The error of opening the heap again, if the file cannot be opened.
    /// - Complexity: O(size of the heap).
    public func check(
        knowing types: [any Persistable.Type] = [],
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws(HeapError) -> HeapCheck {
        try check(knowing: types, isCancelled: nil, progress: progress)
    }

    /// The same for tasks: the check runs on a thread of its own, and ends with
    /// `CancellationError` when the task is cancelled.
    public func check(
        knowing types: [any Persistable.Type] = [],
        progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil
    ) async throws -> HeapCheck {
        try await cancellable { isCancelled in
            try self.check(knowing: types, isCancelled: isCancelled, progress: progress)
        }
    }

    private func check(
        knowing types: [any Persistable.Type], isCancelled: (@Sendable () -> Bool)?,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) -> HeapCheck {
        try requireOpen()
        try RunTimeTypes.install(knowing: types)
        if engine.mode == .privateCopy {
            // Its changes have no checksums.
            return try Self.check(engine, PageReport())
        }
        let snapshot = try makeSnapshotEngine(isCancelled: isCancelled)
        defer { try? snapshot.close() }
        return try Self.check(snapshot, try snapshot.scrub(progress: progress))
    }

    private static func check(_ engine: HeapEngine, _ pages: PageReport) throws(HeapError)
        -> HeapCheck
    {
        let context = unsafe try engine.beginRead()
        defer { unsafe engine.endRead(context) }
        let audit = try engine.audit()
        var verification = unsafe Verification(
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
