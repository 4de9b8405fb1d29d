import Testing
import TestSupport

extension ProcessTests {
    /// `kill -9` in earnest: processes that share a heap on the real disk die at random moments,
    /// all at once now and then, and whoever is left or comes after finds every commit that `write`
    /// has returned from, no half one, and an account of pages without a fault.
    ///
    /// `HOLDFAST_SEED` runs a failure's seed again; the processes' own decisions are the same then,
    /// though not how they meet. `HOLDFAST_KILLS` sets the number of kills.
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

        /// Everybody at once: somebody is always there, so the dead are survived by others in the
        /// middle of their work.
        @Test func many() throws {
            let seats = [
                "writer", "writer", "writer", "opener", "opener", "reader", "reader", "keeper",
            ]
            let storm = try run(
                Storm.Plan(name: "many", seats: seats, kills: kills(60), seed: seed, ofAll: 3))
            // A storm in which nobody dies where it hurts proves nothing.
            #expect(storm.killsInWrite > 0 && storm.killsOfAll > 0)
            #expect(
                storm.totals[.commits]! > 0 && storm.totals[.views]! > 0
                    && storm.totals[.snapshots]! > 0)
        }

        /// Few processes that come and go: the first opening, making the heap, recovery and the
        /// last closing are what is interrupted here.
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
