#if DEBUG
    import Foundation
    import Testing
    import TestSupport

    @testable import HoldfastEngine

    /// The real code of several openings, one for each thread, in all orders of their steps with up
    /// to a few preemptions, and in random ones. `Docs/Protocol.md` describes the method and says
    /// what was found.
    @Suite(.progress, .serialized) struct InterleavingTests {
        private static let template = Result { try Template() }

        private static func explorer(
            _ scenario: SharedRun.Scenario, fault: LockFault? = nil
        ) throws -> ScheduleExplorer {
            let template = try template.get()
            return ScheduleExplorer(threads: scenario.threads.count) {
                try SharedRun(scenario, template, number: $0, fault: fault)
            }
        }

        @Test(arguments: SharedRun.scenarios)
        func everyScheduleIsSound(scenario: SharedRun.Scenario) throws {
            let explorer = try Self.explorer(scenario)
            let start = Date()
            // The random ones first: they find out which places several threads use.
            try explorer.sample(
                seeds: TestExtent.choose(quick: 0 ..< 16, full: 0 ..< 100, long: 0 ..< 5000),
                changes: 3)
            let random = explorer.outcome.runs
            try explorer.explore(
                bound: TestExtent.choose(quick: 2, full: 2, long: 3),
                limit: random + TestExtent.choose(quick: 80, full: 1500, long: 50_000))
            report(scenario, explorer.outcome, random, Date().timeIntervalSince(start))
            expectNone(explorer.outcome.failure, scenario)
        }

        private func report(
            _ scenario: SharedRun.Scenario, _ outcome: ScheduleExplorer.Outcome, _ random: Int,
            _ seconds: Double
        ) {
            let runs = max(1, outcome.runs)
            print(
                "\(scenario.name): \(outcome.runs - random) schedules, all with up to "
                    + "\(max(0, outcome.bound)) preemptions, and \(random) random ones; "
                    + "\(outcome.places) contended places, \(outcome.steps / runs) steps; "
                    + "\(Int(seconds)) s, \(Int(Double(runs) / max(seconds, 0.001))) per second")
            fflush(nil)
        }

        private func expectNone(
            _ failure: ScheduleExplorer.Failure?, _ scenario: SharedRun.Scenario
        ) {
            guard let failure else { return }
            Issue.record(
                """
                \(failure.problems.joined(separator: "; "))
                Again: HOLDFAST_SCHEDULE='\(scenario.name)|\(failure.number)|\(failure.schedule)'
                """)
        }

        /// Repeats the run of `HOLDFAST_SCHEDULE`: the scenario, the number and the schedule.
        @Test(.enabled(if: ProcessInfo.processInfo.environment["HOLDFAST_SCHEDULE"] != nil))
        func theReportedScheduleIsSound() throws {
            let text = ProcessInfo.processInfo.environment["HOLDFAST_SCHEDULE"]!
            let parts = text.split(separator: "|", omittingEmptySubsequences: false)
            let scenario = try #require(SharedRun.scenarios.first { $0.name == parts[0] })
            let explorer = try Self.explorer(scenario)
            try explorer.run(Schedule(String(parts[2])), number: Int(parts[1]))
            expectNone(explorer.outcome.failure, scenario)
        }

        /// A schedule that a random run has taken leads another run through the same steps.
        @Test(arguments: ["read, three", "wrap, three", "close", "grow", "start"])
        func aScheduleIsRepeatedExactly(name: String) throws {
            let scenario = try #require(SharedRun.scenarios.first { $0.name == name })
            let explorer = try Self.explorer(scenario)
            var taken: [(schedule: Schedule, state: UInt64, steps: Int)] = []
            for seed in 0 ..< UInt64(8) {
                let before = explorer.outcome.steps
                try explorer.sample(seeds: seed ..< seed + 1, changes: 4)
                taken.append(
                    (explorer.lastSchedule, explorer.lastState, explorer.outcome.steps - before))
            }
            #expect(Set(taken.map(\.schedule)).count > 3)
            let other = try Self.explorer(scenario)
            for (schedule, state, steps) in taken {
                let before = other.outcome.steps
                try other.run(schedule)
                #expect(other.outcome.steps - before == steps)
                #expect(other.lastState == state)
            }
        }

        /// Where a lock of the system does not keep its promise, something goes wrong.
        @Test(arguments: LockFault.allCases) func everyLockIsNeeded(fault: LockFault) throws {
            let name =
                switch fault {
                case .opening: "start"
                case .checkpoint: "wrap, three"
                case .presence: "close"
                case .life: "death of a writer"
                }
            let scenario = try #require(SharedRun.scenarios.first { $0.name == name })
            let explorer = try Self.explorer(scenario, fault: fault)
            try explorer.explore(bound: 2, limit: 200)
            let failure = explorer.outcome.failure
            #expect(failure != nil)
            print(
                "\(fault): found after \(explorer.outcome.runs) schedules, \(name) "
                    + "\(failure.map { "\($0.schedule): \($0.problems[0])" } ?? "")")
        }
    }
#endif
