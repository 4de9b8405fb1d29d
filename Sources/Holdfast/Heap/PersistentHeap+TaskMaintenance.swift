import HoldfastEngine
import HoldfastSystem

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
#if canImport(System)
    public import System
#endif

/// Opening, maintenance and waiting for tasks, which these methods suspend instead of blocking a
/// thread. The compiler chooses them in asynchronous functions.
///
/// All of them throw `CancellationError` at once when the task is cancelled. Work that has begun
/// and cannot be interrupted (opening, a sync, a checkpoint) goes on to its end by itself.
extension PersistentHeap {
    // MARK: Opening

    /// Opens the heap at `path`. See ``open(_:mode:options:)-(String,_,_)``.
    ///
    /// A heap that is opened in spite of a cancellation is closed again.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options()
    ) async throws -> PersistentHeap {
        try await opening { try open(path, mode: mode, options: options) }
    }

    /// Opens the heap at a file URL. See ``open(_:mode:options:)-(String,_,_)``.
    public static func open(
        _ url: URL, mode: OpenMode = .readWrite, options: Options = Options()
    ) async throws -> PersistentHeap {
        try await opening { try open(url, mode: mode, options: options) }
    }

    #if canImport(System)
        /// Opens the heap at a file path. See ``open(_:mode:options:)-(String,_,_)``.
        public static func open(
            _ path: FilePath, mode: OpenMode = .readWrite, options: Options = Options()
        ) async throws -> PersistentHeap {
            try await opening { try open(path, mode: mode, options: options) }
        }
    #endif

    /// Opens the heap at `path` and migrates its data. See
    /// ``open(_:mode:options:migrations:)-(_,_,_,_)``. A migration that has begun goes on to its
    /// end when the task is cancelled.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options(),
        migrations: [HeapMigration]
    ) async throws -> PersistentHeap {
        try await opening {
            try open(path, mode: mode, options: options, migrations: migrations)
        }
    }

    private static func opening(
        _ open: @escaping @Sendable () throws -> PersistentHeap
    ) async throws -> PersistentHeap {
        try await blockingCalls.run(prepare: open, abandon: { try? $0.close() }, { $0 })
    }

    // MARK: Durability and space

    /// Makes every commit so far survive a power cut. See ``sync()-(_)``.
    public func sync() async throws {
        try await Self.blockingCalls.run(prepare: { try self.sync() }, abandon: {}, {})
    }

    /// Moves the log into the heap file now. See ``checkpoint()-(_)``.
    public func checkpoint() async throws {
        try await writers.run(prepare: { try self.checkpoint() }, abandon: {}, {})
    }

    /// Reduces the disk space that the file uses. See ``compact()-(_)``.
    @discardableResult
    public func compact() async throws -> Int {
        try await writers.run(prepare: { try self.compact() }, abandon: { _ in }, { $0 })
    }

    /// Moves the data of the heap closer together. See
    /// ``defragment(knowing:movingReferenced:progress:)-(_,_,_)``.
    ///
    /// If the task is cancelled, some of the data has moved.
    @discardableResult
    public func defragment(
        knowing types: [any Persistable.Type] = [], movingReferenced: Bool = false,
        progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil
    ) async throws -> Defragmentation {
        try await cancellable { isCancelled in
            try self.defragment(
                knowing: types, movingReferenced: movingReferenced, isCancelled: isCancelled,
                progress: progress)
        }
    }

    /// Writes the heap in its present state to a new file. See
    /// ``copy(to:replacing:progress:)-(_,_,_)``.
    ///
    /// If the task is cancelled, no file appears.
    public func copy(
        to path: String, replacing: Bool = false,
        progress: (@Sendable (_ done: Int, _ of: Int) -> Void)? = nil
    ) async throws {
        try await cancellable { isCancelled in
            try self.copy(
                to: path, replacing: replacing, isCancelled: isCancelled, progress: progress)
        }
    }

    /// Adds everything that has been committed to an archive. See
    /// ``archive(to:keeping:limit:progress:)-(_,_,_,_)``.
    ///
    /// If the task is cancelled, the next run goes on.
    @discardableResult
    public func archive(
        to folder: String, keeping retention: ArchiveRetention? = nil, limit: Int = 1 << 30,
        progress: (@Sendable (ArchiveProgress) -> Void)? = nil
    ) async throws -> ArchiveReport {
        try await cancellable { isCancelled in
            try self.archive(to: folder, keeping: retention, limit: limit) { step in
                if isCancelled() { throw CancellationError() }
                progress?(step)
            }
        }
    }

    /// Runs `body`, which blocks and asks the closure that it gets whether to go on, on a thread of
    /// its own.
    package func cancellable<R>(
        _ body: (_ isCancelled: @escaping @Sendable () -> Bool) throws -> R
    ) async throws -> R {
        try await Self.blockingCalls.run {
            do { return try body({ Task.isCancelled }) } catch HeapError.cancelled
                where Task.isCancelled
            { throw CancellationError() }
        }
    }

    // MARK: Changes

    /// Waits until any process commits a version newer than `version`, or until the timeout. See
    /// ``waitForChange(since:timeout:)-(_,_)``.
    ///
    /// All tasks of this object that wait share one thread.
    public func waitForChange(since version: HeapVersion, timeout: Duration) async throws -> Bool {
        try requireOpen()
        // Begins before the comparison, so no commit is missed.
        let changes = self.changes
        if self.version != version { return true }
        let change = try await withThrowingTaskGroup(of: HeapVersion?.self) { group in
            group.addTask {
                for await version in changes { return version }
                try Task.checkCancellation()
                throw HeapError.closed(path: self.path)
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
        return change != nil
    }

    /// Waits until any process commits from now on. See ``waitForChange(since:timeout:)-(_,_)``.
    public func waitForChange(timeout: Duration) async throws -> Bool {
        try await waitForChange(since: version, timeout: timeout)
    }
}
