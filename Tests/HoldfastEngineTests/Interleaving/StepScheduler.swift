#if DEBUG
    import Foundation
    import HoldfastSystem

    /// Runs threads of which only one at a time goes on. Before each step, and at each wait, it
    /// decides which.
    ///
    /// `@unchecked Sendable`: its state belongs to the thread that goes on; gates pass it along.
    final class StepScheduler: @unchecked Sendable {
        /// A moment at which another thread could have gone on.
        struct Choice {
            var step: Int
            var thread: Int
            var others: [Int]
            /// Whether the thread could not go on itself.
            var isFree: Bool
            var mayDie: Bool
            /// All that has happened before.
            var state: UInt64
        }

        private enum Status: Equatable {
            case ready, finished, dead
            /// Until there is a release after this number of them.
            case waiting(Int)
        }

        /// More steps than any run takes that makes progress.
        private static let longestRun = 200_000

        let count: Int
        let trace: StepTrace
        private let gates: [DispatchSemaphore]
        private let isDone = DispatchSemaphore(value: 0)
        private var interleavers: [Interleaver] = []
        private var bodies: [() throws -> Void] = []
        private var isEnding = false

        // One run.
        private var turns: ArraySlice<Schedule.Turn> = []
        /// For random runs: the thread that goes on instead, or nil.
        private var decide: ((Choice) -> Int?)?
        private var status: [Status] = []
        private var step = 0
        var steps: Int { step }
        private var releases = 0
        private var idleRounds = 0
        private var clock: UInt64 = 0
        private var hasPassed = false
        private var mortal: Set<Int> = []
        private var die: (Int) -> Void = { _ in }
        private var willStep: (Int) -> Void = { _ in }
        private(set) var choices: [Choice] = []
        private(set) var taken: [Schedule.Turn] = []
        private(set) var problem: String?
        private(set) var errors: [(thread: Int, error: any Error)] = []

        /// Whether the run is over, and threads that have not ended are led to their end.
        private(set) var isOver = false

        init(threads: Int) {
            count = threads
            trace = StepTrace(threads: threads)
            gates = (0 ..< threads).map { _ in DispatchSemaphore(value: 0) }
            for thread in 0 ..< threads {
                interleavers.append(
                    Interleaver(
                        threadNumber: UInt32(thread + 1),
                        step: { [unowned self] in self.step(thread, $0, $1) },
                        wait: { [unowned self] in self.wait(thread) },
                        now: { [unowned self] in self.now() }))
                let gate = gates[thread]
                Thread.detachNewThread { [weak self] in
                    while true {
                        gate.wait()
                        guard let self, !self.isEnding else { return }
                        self.perform(thread)
                    }
                }
            }
        }

        /// Ends the threads.
        func end() {
            isEnding = true
            for gate in gates { gate.signal() }
        }

        private func perform(_ thread: Int) {
            do { try interleavers[thread].inCharge(bodies[thread]) } catch {
                if !isOver { errors.append((thread, error)) }
            }
            finish(thread)
        }

        // MARK: Runs

        /// Runs `bodies`, and returns when none of them can go on. `die`: called for a thread that
        /// dies, to release what the kernel would.
        func run(
            _ schedule: Schedule, mortal: Set<Int>, die: @escaping (Int) -> Void,
            willStep: @escaping (Int) -> Void, decide: ((Choice) -> Int?)? = nil,
            bodies: [() throws -> Void]
        ) {
            self.bodies = bodies
            self.mortal = mortal
            self.die = die
            self.willStep = willStep
            self.decide = decide
            turns = schedule.turns[...]
            status = Array(repeating: .ready, count: count)
            (step, releases, idleRounds, clock) = (0, 0, 0, 1 << 50)
            (choices, taken, problem, errors) = ([], [], nil, [])
            (isOver, hasPassed) = (false, false)
            trace.begin()
            let first = choose(after: count - 1)!
            gates[first].signal()
            isDone.wait()
        }

        /// After a run: leads the threads that have died or wait for ever to their end.
        func unwind() {
            isOver = true
            for thread in 0 ..< count where status[thread] != .finished {
                gates[thread].signal()
                isDone.wait()
            }
            bodies = []
        }

        // MARK: In the threads

        private func now() -> UInt64 {
            // Whatever a thread still waits for after the run has timed out.
            clock &+= isOver ? 1 << 45 : 1000
            return clock
        }

        private func step(
            _ me: Int, _ effect: Interleaving.Effect, _ place: Interleaving.Place
        ) {
            if isOver { return }
            step += 1
            guard step < Self.longestRun else { return fail(me, "the threads make no progress") }
            willStep(step)
            let isContended = trace.isContended(place)
            if isContended || turns.first?.step == step {
                let others = eligible(besides: me)
                let mayDie = isContended && mortal.contains(me) && taken.allSatisfy { !$0.isDeath }
                if !others.isEmpty || mayDie {
                    preempt(
                        Choice(
                            step: step, thread: me, others: others, isFree: false, mayDie: mayDie,
                            state: state))
                    if isOver { return }
                }
            }
            trace.add(me, effect, place)
            if effect == .releases {
                releases += 1
                idleRounds = 0
            }
        }

        private var state: UInt64 {
            var state = trace.state
            for (thread, status) in status.enumerated() {
                switch status {
                case .ready: break
                case .finished: state = StepTrace.mix(state, UInt64(thread * 4 + 1))
                case .dead: state = StepTrace.mix(state, UInt64(thread * 4 + 2))
                case .waiting(let since):
                    state = StepTrace.mix(state, UInt64(thread * 4 + (since < releases ? 3 : 4)))
                }
            }
            return state
        }

        /// Before a step: lets another thread go on, if the schedule says so.
        private func preempt(_ choice: Choice) {
            let me = choice.thread
            if let turn = turns.first, turn.step == step {
                turns = turns.dropFirst()
                taken.append(turn)
                guard turn.isDeath else {
                    pass(to: turn.thread, from: me)
                    return
                }
                status[me] = .dead
                die(me)
                releases += 1
                if turn.thread == me {
                    isDone.signal()
                } else {
                    gates[turn.thread].signal()
                }
                gates[me].wait()
                return
            }
            if turns.isEmpty { choices.append(choice) }
            if let next = decide?(choice), next != me {
                taken.append(Schedule.Turn(step: step, thread: next))
                pass(to: next, from: me)
            }
        }

        private func pass(to next: Int, from me: Int) {
            gates[next].signal()
            gates[me].wait()
        }

        private func wait(_ me: Int) -> Bool {
            if isOver { return true }
            let since = releases
            status[me] = .waiting(releases)
            trace.add(me, 1)
            guard let next = choose(after: me) else {
                fail(me, "all threads wait for each other")
                return true
            }
            if next != me { pass(to: next, from: me) }
            if !isOver { status[me] = .ready }
            return releases == since
        }

        private func finish(_ me: Int) {
            status[me] = .finished
            if isOver {
                isDone.signal()
                return
            }
            releases += 1
            if let next = choose(after: me) {
                gates[next].signal()
            } else {
                if status.contains(where: { if case .waiting = $0 { true } else { false } }) {
                    problem = "the remaining threads wait for nothing"
                }
                isDone.signal()
            }
        }

        private func fail(_ me: Int, _ what: String) {
            problem = what
            status[me] = .dead
            isDone.signal()
            gates[me].wait()
        }

        /// The next thread when `me` cannot go on; nil if none can.
        private func choose(after me: Int) -> Int? {
            step += 1
            let others = eligible(besides: nil)
            if let first = others.first {
                let choice = Choice(
                    step: step, thread: first, others: Array(others.dropFirst()), isFree: true,
                    mayDie: false, state: state)
                if let turn = turns.first, turn.step == step {
                    turns = turns.dropFirst()
                    taken.append(turn)
                    return turn.thread
                }
                if others.count > 1 {
                    if turns.isEmpty { choices.append(choice) }
                    if let next = decide?(choice), next != first {
                        taken.append(Schedule.Turn(step: step, thread: next))
                        return next
                    }
                }
                return first
            }
            // Nothing was released: each looks again, in case it waits for time to pass.
            idleRounds += 1
            guard idleRounds < 8 * count else { return nil }
            for distance in 1 ... count {
                let thread = (me + distance) % count
                if case .waiting = status[thread] { return thread }
            }
            return nil
        }

        private func eligible(besides me: Int?) -> [Int] {
            var found: [Int] = []
            for thread in 0 ..< count where thread != me {
                switch status[thread] {
                case .ready: found.append(thread)
                case .waiting(let since) where since < releases: found.append(thread)
                case .waiting, .finished, .dead: break
                }
            }
            return found
        }
    }
#endif
