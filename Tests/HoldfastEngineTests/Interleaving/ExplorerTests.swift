#if DEBUG
    import HoldfastSystem
    import Synchronization
    import Testing

    /// The explorer itself: that it finds what there is to find, and no more.
    @Suite struct ExplorerTests {
        /// Threads that each add to the same number, in two steps.
        private final class Counting: InterleavedRun {
            let threads: Int
            /// Whether they lock it meanwhile.
            let locks: Bool
            /// Whether the threads also take a second lock, in different orders.
            let crosses: Bool
            var value = 0
            var isLocked = [false, false]
            let mortal: Set<Int>
            let report: (Int) -> Void

            init(
                _ threads: Int, locks: Bool = false, crosses: Bool = false,
                mortal: Set<Int> = [], report: @escaping (Int) -> Void = { _ in }
            ) {
                self.threads = threads
                self.locks = locks
                self.crosses = crosses
                self.mortal = mortal
                self.report = report
            }

            private func take(_ lock: Int) {
                // Not for ever: at the end of a deadlock, nobody frees the lock.
                for _ in 0 ..< 100 {
                    Interleaving.step(.changes, .init(.lock, lock))
                    if !isLocked[lock] { break }
                    _ = Interleaving.wait()
                }
                isLocked[lock] = true
            }

            private func free(_ lock: Int) {
                Interleaving.step(.releases, .init(.lock, lock))
                isLocked[lock] = false
            }

            private func add(_ thread: Int) {
                let order = thread == 0 ? [0, 1] : [1, 0]
                if crosses { take(order[0]) }
                if locks { take(crosses ? order[1] : 0) }
                Interleaving.step(.reads, .init(.word, 8))
                let old = value
                Interleaving.step(.reads, .init(.word, 100 + thread))
                Interleaving.step(.changes, .init(.word, 8))
                value = old + 1
                if locks { free(crosses ? order[1] : 0) }
                if crosses { free(order[0]) }
            }

            var bodies: [() throws -> Void] {
                (0 ..< threads).map { thread in { self.add(thread) } }
            }

            func die(_ thread: Int) { isLocked = [false, false] }
            func willStep(_ step: Int) {}
            func problems() -> [String] {
                report(value)
                return value == threads || !mortal.isEmpty ? [] : ["\(value)"]
            }
            func dispose() {}
        }

        @Test func aLostUpdateNeedsOnePreemption() throws {
            let explorer = ScheduleExplorer(threads: 2) { _ in Counting(2) }
            try explorer.explore(bound: 0, limit: 1000)
            #expect(explorer.outcome.failure == nil)
            #expect(explorer.outcome.bound == 0)
            try explorer.explore(bound: 1, limit: 1000)
            #expect(explorer.outcome.failure?.problems == ["1"])
            #expect(explorer.outcome.failure?.schedule.preemptions == 1)
        }

        /// Three threads can end with any sum, each of which needs another number of preemptions.
        @Test func everyResultIsReached() throws {
            var results: Set<Int> = []
            let explorer = ScheduleExplorer(threads: 3) { _ in
                Counting(3, mortal: [5]) { results.insert($0) }
            }
            for (bound, expected) in [(0, [3]), (1, [1, 2, 3]), (3, [1, 2, 3])] {
                results = []
                try explorer.explore(bound: bound, limit: 10_000)
                #expect(explorer.outcome.bound == bound)
                #expect(results.sorted() == expected)
            }
        }

        @Test func aLockedCounterIsSound() throws {
            let explorer = ScheduleExplorer(threads: 3) { _ in Counting(3, locks: true) }
            try explorer.explore(bound: 3, limit: 10_000)
            #expect(explorer.outcome.bound == 3)
            #expect(explorer.outcome.failure == nil)
            try explorer.sample(seeds: 0 ..< 100, changes: 3)
            #expect(explorer.outcome.failure == nil)
        }

        @Test func aDeadlockIsFound() throws {
            let explorer = ScheduleExplorer(threads: 2) { _ in
                Counting(2, locks: true, crosses: true)
            }
            try explorer.explore(bound: 0, limit: 1000)
            #expect(explorer.outcome.failure == nil)
            try explorer.explore(bound: 1, limit: 1000)
            #expect(explorer.outcome.failure?.problems == ["all threads wait for each other"])
        }

        /// A thread dies at each of its steps.
        @Test func deathsAreTried() throws {
            var results: [Int] = []
            let explorer = ScheduleExplorer(threads: 2) { _ in
                Counting(2, locks: true, mortal: [0]) { results.append($0) }
            }
            try explorer.explore(bound: 1, limit: 1000)
            #expect(explorer.outcome.failure == nil)
            #expect(Set(results) == [1, 2])
        }

        @Test func schedulesAreRead() {
            let schedule = Schedule("1:1 62x0 80:2")
            #expect(schedule.description == "1:1 62x0 80:2")
            #expect(schedule.turns.map(\.isDeath) == [false, true, false])
        }
    }
#endif
