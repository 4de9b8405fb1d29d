import Testing
import TestSupport

extension ProcessTests {
    /// Real `kill -9`: processes that share a heap on the real disk die at random moments,
    /// sometimes all at once. The survivors and successors find every commit for which `write` has
    /// returned, no partial one, and an account of pages without errors.
    ///
    /// `HOLDFAST_SEED` repeats the seed of a failure; the processes' own decisions are then the
    /// same, but not their timing. `HOLDFAST_KILLS` sets the number of kills.
    @Suite struct StormTests {
        private func kills(_ share: Int) -> Int {
            Int(
                setting("HOLDFAST_KILLS") ?? TestExtent.choose(quick: 400, full: 400, long: 10_000)
            )
                * share / 100
        }

        private var seed: UInt64 { setting("HOLDFAST_SEED") ?? UInt64.random(in: 1 ... 1_000_000) }

        private func run(_ plan: Storm.Plan) throws -> Storm {
            let storm = try Storm(plan)
            try storm.run()
            for line in storm.figures { print(line) }
            return storm
        }

        /// All roles at once: there is always a process, so dead processes are survived by others
        /// in the middle of their work.
        @Test func many() throws {
            let seats = [
                "writer", "writer", "writer", "opener", "opener", "reader", "reader", "keeper",
            ]
            let storm = try run(
                Storm.Plan(name: "many", seats: seats, kills: kills(60), seed: seed, ofAll: 3))
            // A storm whose kills miss the critical moments proves nothing.
            #expect(storm.killsInWrite > 0 && storm.killsOfAll > 0)
            #expect(
                storm.totals[.commits]! > 0 && storm.totals[.views]! > 0
                    && storm.totals[.snapshots]! > 0)
        }

        /// Few short-lived processes: the kills hit the first opening, the creation of the heap,
        /// recovery and the last closing.
        @Test func few() throws {
            let seats = ["opener", "opener", "builder"]
            let storm = try run(
                Storm.Plan(name: "few", seats: seats, kills: kills(40), seed: seed, ofAll: 25))
            #expect(
                storm.killsByPhase[.opening, default: 0] > 0
                    && storm.killsByPhase[.closing, default: 0] > 0)
            #expect(storm.totals[.builds]! > 0 && storm.totals[.closings]! > 0)
        }
    }
}
