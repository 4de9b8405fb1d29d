#if DEBUG
    import HoldfastFormat
    import HoldfastSystem
    import TestSupport
    import Testing

    @testable import HoldfastEngine

    /// Several openings of one heap, one for each thread, that read and change it.
    ///
    /// The heap has a few words in different pages. A commit adds one to each of them, so any state
    /// that a commit left identifies itself.
    final class SharedRun: InterleavedRun {
        /// What a thread does, in this order, with its opening.
        enum Action: Equatable, Sendable {
            case open
            /// Opens the state of this moment, and reads it twice.
            case snapshot
            /// Opens the heap for reading only, and reads it twice.
            case visit
            case close, suspend
            /// Finds the log, as a commit or catching up would.
            case join
            /// A read transaction that looks twice at everything.
            case read
            /// The same, with a commit through another opening between the two.
            case readAroundCommit
            case commit
            /// A commit whose record has at least so many bytes.
            case commitLarge(Int)
            /// A commit that changes none of the words, nor their pages.
            case commitElsewhere
            case sync
            /// A checkpoint as `heap.checkpoint` makes it, under the write lock.
            case checkpoint
            /// One as the background thread makes it.
            case background
        }

        struct Scenario: Sendable, CustomTestStringConvertible {
            var name: String
            var threads: [[Action]]
            /// What the first opening does before the threads begin, and then each other one. A
            /// page that an opening has not changed itself, or caught up with, is the file's.
            var before: [Action] = [.commit, .background, .commitElsewhere]
            var beforeOthers: [Action] = [.read, .join]
            /// Threads that may die.
            var mortal: Set<Int> = []
            var logLimit = 64 * 1024
            /// Whether pages are kept for every view that is in the way of a checkpoint.
            var keepsPages = false

            var testDescription: String { name }
        }

        static let path = "/sim/test.heap"
        private static let pages = 2

        let scenario: Scenario
        let disk: SimulatedDisk
        private(set) var disks: [SteppedDisk] = []
        private(set) var engines: [HeapEngine?] = []
        /// One more opening, for commits of a thread that has a view open.
        private(set) var helper: HeapEngine?
        let template: Template
        /// Commits that have begun to be made, and that were made.
        private(set) var begun = 0
        private(set) var made = 0
        /// The commits by the heap's own numbers.
        private var numbers: [(number: UInt64, commit: Int)] = []
        private(set) var seen: [Int]
        var found: [String] = []
        private(set) var hasDeath = false
        /// The number of this run, which selects what is tried at its end.
        let number: Int
        /// For each call to the disk, the commits that had begun; and the calls after which so many
        /// commits were durable.
        private(set) var begunByCall: [Int] = []
        /// The calls before this number are those of the template.
        private(set) var firstCall = 0
        private(set) var durable: [(calls: Int, commits: Int)] = []
        /// The files at some step of the run, as if all processes had been killed there.
        private(set) var killed: (files: [String: [UInt8]], made: Int, begun: Int)?
        private let killStep: Int
        private let namespace = UInt64.random(in: 1 ... .max)

        init(_ scenario: Scenario, _ template: Template, number: Int = 0, fault: LockFault? = nil)
            throws
        {
            self.scenario = scenario
            self.template = template
            self.number = number
            var random = SplitMix(state: UInt64(number))
            killStep = number % 4 == 2 ? Int.random(in: 1 ..< 800, using: &random) : -1
            disk = SimulatedDisk(files: template.files)
            disk.recordsContents = number % 16 == 1
            begun = template.commits
            made = template.commits
            let count = scenario.threads.count
            seen = Array(repeating: 0, count: count)
            engines = Array(repeating: nil, count: count)
            disks = (0 ..< count).map { _ in SteppedDisk(disk, heapPath: Self.path, fault: fault) }
            disk.onCall = { [unowned self] _ in begunByCall.append(begun) }
            firstCall = disk.journal.count
            begunByCall = Array(repeating: begun, count: firstCall)
            for thread in 0 ..< count {
                // These have no opening when the run begins.
                if [.open, .visit, .snapshot].contains(scenario.threads[thread][0]) { continue }
                try perform(.open, thread)
                for action in thread == 0 ? scenario.before : scenario.beforeOthers {
                    try perform(action, thread)
                }
                if scenario.threads[thread].contains(.readAroundCommit) {
                    helper = try HeapEngine(
                        path: Self.path, mode: .readWrite, options: options(of: thread),
                        disk: disks[thread])
                }
            }
        }

        /// The openings belong to one process, except where threads die: the death of a process
        /// ends all that it does for its openings. No other run has the same process.
        private func options(of thread: Int) -> EngineOptions {
            var options = Self.options(scenario)
            options.process = TestProcess(
                identity: ProcessIdentity(
                    number: Int32(mortal.isEmpty ? 1 : 1 + thread), namespace: namespace),
                boot: SystemProcess.shared.boot)
            return options
        }

        static func options(_ scenario: Scenario) -> EngineOptions {
            var options = EngineOptions()
            if scenario.keepsPages {
                options.viewPatience = .zero
                options.keptBytesPerLogByte = 1 << 20
            }
            options.initialLogBytes = 64 * 1024
            options.logLimit = scenario.logLimit
            options.memoryLimit = 8 << 20
            options.reservesBlocks = false
            return options
        }

        var mortal: Set<Int> { scenario.mortal }

        var bodies: [() throws -> Void] {
            scenario.threads.enumerated().map { thread, actions in
                { for action in actions { try self.perform(action, thread) } }
            }
        }

        func willStep(_ step: Int) {
            if step == killStep { killed = (disk.currentFiles(), made, begun) }
        }

        func die(_ thread: Int) {
            hasDeath = true
            disks[thread].die()
        }

        // MARK: Actions

        func perform(_ action: Action, _ thread: Int) throws {
            switch action {
            case .open:
                let engine = try HeapEngine(
                    path: Self.path, mode: .readWrite, options: options(of: thread),
                    disk: disks[thread])
                engines[thread] = engine
            case .close:
                try engines[thread]!.close()
                engines[thread] = nil
            case .join: _ = try engines[thread]!.heap.log.join()
            case .read: try read(thread)
            case .readAroundCommit: try read(thread) { try self.commit(by: self.helper!, thread) }
            case .commit: try commit(thread, byteCount: 0)
            case .commitElsewhere: try commitElsewhere(thread)
            case .commitLarge(let bytes): try commit(thread, byteCount: bytes)
            case .sync, .suspend:
                let (target, engine) = (made, engines[thread]!)
                try action == .sync ? engine.makeDurable() : engine.suspend()
                if !disks[thread].isDead { durable.append((disk.journal.count, target)) }
            case .checkpoint: try engines[thread]!.checkpoint()
            case .background: _ = try engines[thread]!.moveLogIntoDataFile(waits: true)
            case .snapshot: try visit(thread, isSnapshot: true)
            case .visit: try visit(thread, isSnapshot: false)
            }
        }

        /// The first and the last word of each page.
        private var words: [UInt64] {
            var words: [UInt64] = []
            for page in 0 ..< UInt64(Self.pages) {
                let start: UInt64 = template.cells + page * 4096
                words.append(start)
                words.append(start + 4088)
            }
            return words
        }

        /// The number of the heap's commit that the image has.
        private static func number(_ access: HeapAccess) -> UInt64 {
            access.context.pointee.view._withUnsafeGuaranteedRef { $0.commitNumber }
        }

        /// The commit that all words agree on; nil, and a problem, if they do not.
        func look(_ access: HeapAccess, _ thread: Int, backwards: Bool = false) -> Int? {
            var values: [Int] = []
            for word in backwards ? words.reversed() : words {
                Interleaving.step(.reads, .init(.page, Int(word) / HeapLayout.pageBytes))
                values.append(access.load(word, as: Int.self))
            }
            guard Set(values).count == 1 else {
                found.append("thread \(thread) sees parts of several commits: \(values)")
                return nil
            }
            // A checkpoint may commit too, so the last one of this run is meant.
            let number = Self.number(access)
            let own = numbers.last { $0.number <= number }?.commit ?? template.commits
            // A writer that died may have left a number to another commit.
            if values[0] != own, !hasDeath {
                found.append("thread \(thread) sees commit \(values[0]), and its view is \(own)")
            }
            return values[0]
        }

        func read(_ thread: Int, meanwhile: () throws -> Void = {}) throws {
            let engine = engines[thread]!
            let earliest = max(made, seen[thread])
            try engine.look { access in
                guard let first = look(access, thread) else { return }
                if !(earliest ... max(earliest, begun)).contains(first) {
                    found.append(
                        "thread \(thread) sees commit \(first), not \(earliest) to \(begun)")
                }
                seen[thread] = first
                try meanwhile()
                if let second = look(access, thread, backwards: true), second != first {
                    found.append("thread \(thread) sees commit \(first), then \(second)")
                }
            }
        }

        private func commit(_ thread: Int, byteCount: Int) throws {
            try commit(by: engines[thread]!, thread, byteCount: byteCount)
        }

        private func commit(by engine: HeapEngine, _ thread: Int, byteCount: Int = 0) throws {
            let context = try engine.beginWrite()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            guard let old = look(access, thread) else { return engine.abort(context) }
            if old < made || old > begun {
                found.append("thread \(thread) changes commit \(old), not \(made) to \(begun)")
            }
            begun = max(begun, old + 1)
            let number = Self.number(access)
            numbers.removeAll { $0.number > number }
            numbers.append((number + 1, old + 1))
            for word in words { access.store(old + 1, at: word) }
            if byteCount > 0 {
                access.writableAddress(template.block, byteCount).initializeMemory(
                    as: UInt8.self, repeating: UInt8(truncatingIfNeeded: old), count: byteCount)
            }
            let extra = access.load(template.root + 16, as: UInt64.self)
            if extra == 0 {
                access.store(access.allocate(byteCount: 100), at: template.root + 16)
            } else {
                access.free(extra, byteCount: 100)
                access.store(UInt64(0), at: template.root + 16)
            }
            try engine.commit(context)
            if !disks[thread].isDead { made = max(made, old + 1) }
        }

        private func commitElsewhere(_ thread: Int) throws {
            try engines[thread]!.change { $0.store(UInt64(thread), at: template.block) }
        }

        private func visit(_ thread: Int, isSnapshot: Bool) throws {
            var options = options(of: thread)
            options.isSnapshot = isSnapshot
            let earliest = made
            let visitor = try HeapEngine(
                path: Self.path, mode: .readOnly, options: options, disk: disks[thread])
            var first: Int?
            for _ in 0 ..< 2 {
                let earliest = isSnapshot ? earliest : made
                try visitor.look { access in
                    guard let value = look(access, thread) else { return }
                    let isFixed = !isSnapshot || value == first ?? value
                    if !isFixed || !(earliest ... max(earliest, begun)).contains(value) {
                        found.append("a visitor sees commit \(value), not \(earliest) to \(begun)")
                    }
                    first = value
                    if let second = look(access, thread, backwards: true), second != value {
                        found.append("a visitor sees commit \(value), then \(second)")
                    }
                }
            }
            try visitor.close()
        }

        func dispose() {
            for index in engines.indices {
                if let engine = engines[index] {
                    engine.heap.lifecycle.close()
                    engine.file?.close()
                }
                engines[index] = nil
            }
            helper = nil
            for disk in disks { disk.end() }
        }
    }
#endif
