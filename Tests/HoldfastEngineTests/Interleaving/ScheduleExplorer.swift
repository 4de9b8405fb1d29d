#if DEBUG
    import TestSupport

    /// One run of several threads, from a fresh state.
    protocol InterleavedRun {
        var bodies: [() throws -> Void] { get }
        /// Threads that may die.
        var mortal: Set<Int> { get }
        func die(_ thread: Int)
        /// Called before each step.
        func willStep(_ step: Int)
        /// What is wrong at the end.
        func problems() -> [String]
        /// After all threads have ended.
        func dispose()
    }

    /// Runs threads in all schedules with up to a number of preemptions, and in random ones.
    ///
    /// A thread is preempted only before a step whose place another thread uses too; other steps
    /// commute with those of all other threads. A schedule is not run if it leads to a state, and
    /// to a thread that goes on, from which another one has gone on with as few preemptions.
    ///
    /// Source: M. Musuvathi, S. Qadeer: Iterative Context Bounding for Systematic Testing of
    /// Multithreaded Programs, PLDI 2007. Random schedules: S. Burckhardt and others: A Randomized
    /// Scheduler with Probabilistic Guarantees of Finding Bugs, ASPLOS 2010.
    final class ScheduleExplorer {
        struct Outcome {
            var runs = 0
            /// All schedules with up to so many preemptions were run.
            var bound = -1
            var failure: Failure?
            /// The number of places that several threads use.
            var places = 0
            var steps = 0
        }

        struct Failure {
            var number: Int
            var schedule: Schedule
            var problems: [String]
        }

        private let scheduler: StepScheduler
        /// Makes the run of a number.
        private let makeRun: (Int) throws -> any InterleavedRun
        private(set) var outcome = Outcome()
        /// What the last run has done; see `StepTrace`.
        private(set) var lastState: UInt64 = 0
        /// The turns that it took.
        private(set) var lastSchedule = Schedule()

        init(threads: Int, _ makeRun: @escaping (Int) throws -> any InterleavedRun) {
            scheduler = StepScheduler(threads: threads)
            self.makeRun = makeRun
        }

        deinit { scheduler.end() }

        /// Runs one schedule, as the run of a number; returns the choices that it left open.
        @discardableResult
        func run(
            _ schedule: Schedule, number: Int? = nil,
            decide: ((StepScheduler.Choice) -> Int?)? = nil
        ) throws -> [StepScheduler.Choice] {
            let number = number ?? outcome.runs
            let run = try makeRun(number)
            scheduler.run(
                schedule, mortal: run.mortal, die: run.die, willStep: run.willStep, decide: decide,
                bodies: run.bodies)
            outcome.runs += 1
            var problems = scheduler.problem.map { [$0] } ?? []
            problems += scheduler.errors.map { "thread \($0.thread) threw \($0.error)" }
            if problems.isEmpty { problems += run.problems() }
            var made = schedule
            made.turns = scheduler.taken
            if !problems.isEmpty, outcome.failure == nil {
                outcome.failure = Failure(
                    number: number, schedule: made, problems: problems)
            }
            let choices = scheduler.choices
            lastState = scheduler.trace.state
            lastSchedule = made
            outcome.steps += scheduler.steps
            scheduler.unwind()
            run.dispose()
            return choices
        }

        /// All schedules with up to `bound` preemptions, or the first `limit` of them.
        func explore(bound: Int, limit: Int) throws {
            // Which places are contended is only known when they have been used.
            var places = -1
            while outcome.failure == nil, outcome.runs < limit, places != scheduler.trace.contended
            {
                places = scheduler.trace.contended
                outcome.bound = -1
                try exploreAll(bound: bound, limit: limit)
            }
            outcome.places = scheduler.trace.contended
        }

        private func exploreAll(bound: Int, limit: Int) throws {
            var known: Set<UInt64> = []
            var pending: [[Schedule]] = Array(repeating: [], count: bound + 2)
            pending[0] = [Schedule()]
            for preemptions in 0 ... bound {
                // Evenly spread, in case there is no time for all.
                var random = SplitMix(state: UInt64(preemptions))
                pending[preemptions].shuffle(using: &random)
                while let schedule = pending[preemptions].popLast() {
                    guard outcome.runs < limit else { return }
                    let choices = try run(schedule)
                    if outcome.failure != nil { return }
                    for choice in choices {
                        // The rest of this run has been another's.
                        let here = StepTrace.mix(choice.state, UInt64(choice.thread))
                        guard known.insert(here).inserted else { break }
                        for next in continuations(of: schedule, at: choice, &known) {
                            pending[next.preemptions].append(next)
                        }
                    }
                }
                outcome.bound = preemptions
            }
        }

        private func continuations(
            of schedule: Schedule, at choice: StepScheduler.Choice, _ known: inout Set<UInt64>
        ) -> [Schedule] {
            var found: [Schedule] = []
            func add(_ turn: Schedule.Turn) {
                let key = StepTrace.mix(
                    choice.state, UInt64(turn.thread) + (turn.isDeath ? 2000 : 1000))
                guard known.insert(key).inserted else { return }
                found.append(schedule.adding(turn, isFree: choice.isFree))
            }
            for other in choice.others { add(.init(step: choice.step, thread: other)) }
            if choice.mayDie {
                for other in choice.others.isEmpty ? [choice.thread] : choice.others {
                    add(.init(step: choice.step, thread: other, isDeath: true))
                }
            }
            return found
        }

        /// One random schedule for each seed: threads have priorities, and at some steps the thread
        /// that goes on gets the lowest.
        func sample(seeds: Range<UInt64>, changes: Int) throws {
            for seed in seeds where outcome.failure == nil {
                var random = SplitMix(state: seed)
                let length = max(1, outcome.steps / max(1, outcome.runs))
                var priorities = (0 ..< scheduler.count).map { _ in
                    Int.random(in: 1000 ..< 2000, using: &random)
                }
                var moments = Set(
                    (0 ..< changes).map { _ in Int.random(in: 0 ... length, using: &random) })
                var lowest = 0
                try run(Schedule()) { choice in
                    if let due = moments.first(where: { $0 <= choice.step }), !choice.isFree {
                        moments.remove(due)
                        lowest -= 1
                        priorities[choice.thread] = lowest
                    }
                    return ([choice.thread] + choice.others).max {
                        priorities[$0] < priorities[$1]
                    }
                }
            }
        }
    }
#endif
