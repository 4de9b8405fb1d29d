import TestSupport
import Testing

/// The sharing protocol as a model, explored completely. `Docs/Protocol.md` describes the model and
/// says what was found.
@Suite(.progress) struct SharingModelTests {
    /// States to explore at most. A search that needs more proves nothing, and fails.
    private static let limit = 20_000_000

    private static var scenarios: [SharingScenario] {
        TestExtent.choose(
            quick: SharingScenario.small, full: SharingScenario.small + SharingScenario.large,
            long: SharingScenario.small + SharingScenario.large + SharingScenario.huge)
    }

    /// Steps that only an incomplete protocol takes, and those that are none.
    private static let unused: Set<SharingStep> = [
        .idle, .start, .damaged, .writeRoomFirst, .followPeek,
    ]

    @Test func everyStateIsSound() {
        var taken: Set<SharingStep> = []
        for scenario in Self.scenarios {
            var explorer = Explorer(model: SharingModel(scenario), limit: Self.limit)
            explorer.visit = { if case .step(let step) = $0.kind { taken.insert(step) } }
            let outcome = explorer.run()
            #expect(!outcome.isCutShort)
            #expect(outcome.counterexample == nil, "\(describe(outcome.counterexample))")
        }
        // An invariant of states that are never reached would hold for nothing.
        let missing = SharingStep.allCases.filter {
            !taken.contains($0) && !Self.unused.contains($0)
        }
        #expect(missing.isEmpty, "never taken: \(missing)")
    }

    @Test(
        arguments: SharingScenario.withDyingWriters(deaths: TestExtent.choose(quick: 1, full: 2)))
    func theLockOfADeadWriterPassesOn(scenario: SharingScenario) {
        let outcome = Explorer(
            model: SharingModel(scenario), limit: Self.limit, checksProgress: true
        ).run()
        #expect(!outcome.isCutShort)
        #expect(outcome.counterexample == nil, "\(describe(outcome.counterexample))")
    }

    /// Without any one protection something goes wrong, in the way in which it should.
    @Test(arguments: Protection.allCases) func everyProtectionIsNeeded(protection: Protection) {
        let scenario = SharingScenario.without(protection)
        let sound = Explorer(model: SharingModel(scenario), limit: Self.limit).run()
        #expect(!sound.isCutShort)
        #expect(sound.counterexample == nil, "\(describe(sound.counterexample))")
        let broken = Explorer(
            model: SharingModel(scenario, without: protection), limit: Self.limit
        ).run()
        #expect(broken.counterexample?.violation == protection.harmWithout.rawValue)
        if TestExtent.current != .quick {
            print("Without \(protection): \(describe(broken.counterexample))")
        }
    }

    /// If the lock named its holder by its entry alone, the entry's next owner would count as the
    /// holder, and nobody would ever take the lock over.
    @Test func aLockThatNamesAnEntryAloneIsNeverFree() {
        let outcome = Explorer(
            model: SharingModel(.inheritedEntry, without: .lockNamesTake), limit: Self.limit,
            checksProgress: true
        ).run()
        #expect(outcome.counterexample?.violation == Harm.noWayOn.rawValue)
    }

    /// A thread that gives an entry up must not release the lock that another thread of the opening
    /// has taken meanwhile.
    @Test func anEntryIsUnlockedBeforeTheOpeningForgetsIt() {
        let sound = Explorer(model: EntryLockModel(unlocksFirst: true)).run()
        #expect(sound.counterexample == nil, "\(describe(sound.counterexample))")
        let broken = Explorer(model: EntryLockModel(unlocksFirst: false)).run()
        #expect(broken.counterexample?.violation == EntryLockModel.unlocked)
    }

    private func describe<Model>(_ counterexample: Explorer<Model>.Counterexample?) -> String {
        counterexample?.description ?? "no counterexample"
    }
}

extension Protection {
    /// What the shortest counterexample shows.
    fileprivate var harmWithout: Harm {
        switch self {
        case .positionBeforePublished, .positionInOrder, .comparedAgain, .targetBeforeTable,
            .seatBeforePublished, .livenessFromKernel, .freedByExchange:
            .mixedRead
        case .recordBeforeCheckpoint: .falseDamage
        case .recordBeforePublished, .reuseBelowCheckpoint, .roomUnderLock, .freesWhatItMoved,
            .spaceFreedLast:
            .lostRecord
        case .targetUnderLock, .headerAfterPages: .lostCommit
        case .lockNamesTake: .twoWriters
        }
    }
}
