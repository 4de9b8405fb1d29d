/// The scenarios that the tests explore.
extension SharingScenario {
    /// A process that reads, and one that does all else. Most faults need no more.
    static let pair = SharingScenario(
        "a reader and a writer", [[.reads], [.writes, .checkpoints]])

    static let unprotected = pair.with("a reader that catches up unprotected") {
        $0.preparesUnprotected = true
    }

    static let seated = pair.with("a seated reader and a writer") {
        $0.hasSeats = true
        $0.isBiased = true
    }

    static let trio = SharingScenario(
        "a reader, a writer and a checkpoint", [[.reads], [.writes], [.checkpoints]])

    static let twoWriters = SharingScenario("two writers", [[.writes], [.writes]])

    static let checkpointBesideWriter = SharingScenario(
        "a writer and a checkpoint", [[.writes], [.checkpoints]])

    static let twoCheckpoints = SharingScenario(
        "two checkpoints", [[.writes, .checkpoints], [.checkpoints]])

    static let dyingReader = SharingScenario(
        "a reader that dies and a writer", [[.reads, .dies], [.writes, .checkpoints]]
    ).with { $0.endings = 1 }

    static let dyingWriter = SharingScenario(
        "a writer that dies and another", [[.writes, .dies], [.writes]]
    ).with { $0.endings = 1 }

    /// The entry of the dead writer has a new owner, which never writes.
    static let inheritedEntry = SharingScenario(
        "a writer whose entry passes on",
        [[.writes, .dies, .startsOnce], [.writes], [.startsLate]]
    ).with {
        $0.entries = 2
        $0.endings = 1
    }

    /// The smallest scenario in which the protocol fails without `protection`.
    static func without(_ protection: Protection) -> SharingScenario {
        switch protection {
        case .positionBeforePublished, .positionInOrder, .recordBeforeCheckpoint,
            .recordBeforePublished, .reuseBelowCheckpoint, .headerAfterPages, .livenessFromKernel:
            pair
        case .comparedAgain: unprotected
        case .targetBeforeTable: trio
        case .seatBeforePublished: seated
        case .roomUnderLock: twoWriters
        case .freesWhatItMoved: checkpointBesideWriter.with { $0.commits = 4 }
        case .spaceFreedLast: checkpointBesideWriter
        case .targetUnderLock: twoCheckpoints
        case .freedByExchange: dyingReader
        case .lockNamesTake: dyingWriter
        }
    }
}

extension SharingScenario {
    private static let all: Role = [.reads, .writes, .checkpoints]

    /// Explored completely in every extent: each in a few seconds of an unoptimised build.
    static let small = [
        pair,
        pair.with("a reader and a writer, one page") { $0.sharesPage = true },
        pair.with("a reader and a writer, ring of 3") {
            $0.commits = 4
            $0.capacity = 3
        },
        unprotected.with("a reader that catches up unprotected, one page") {
            $0.sharesPage = true
        },
        seated,
        seated.with("a seated reader that catches up unprotected, one page") {
            $0.preparesUnprotected = true
            $0.sharesPage = true
        },
        trio,
        twoWriters,
        checkpointBesideWriter,
        twoCheckpoints,
        SharingScenario("two that do all", [all, all]),
        dyingReader,
        dyingReader.with("a seated reader that dies and a writer") {
            $0.hasSeats = true
            $0.isBiased = true
        },
        SharingScenario(
            "a reader and a writer that dies, one page",
            [[.reads], [.writes, .checkpoints, .dies]]
        ).with {
            $0.endings = 1
            $0.sharesPage = true
        },
        SharingScenario(
            "a reader that leaves and a writer", [[.reads, .leaves], [.writes, .checkpoints]]
        ).with { $0.endings = 2 },
    ]

    /// Up to a million states each.
    static let large = [
        SharingScenario(
            "a reader and a writer that dies twice", [[.reads], [.writes, .checkpoints, .dies]]
        ).with { $0.endings = 2 },
        SharingScenario(
            "a reader, a writer and a late reader",
            [[.reads], [.writes, .checkpoints], [.reads, .startsLate]]),
        SharingScenario(
            "three of whom one dies", [[.reads, .dies], [.writes, .dies], [.checkpoints, .dies]]
        ).with {
            $0.commits = 2
            $0.endings = 1
        },
        SharingScenario("two that do all, one dies", [all.union(.dies), all.union(.dies)]).with {
            $0.commits = 2
            $0.endings = 1
        },
        SharingScenario("a reader and two that do all", [[.reads], all, all]).with {
            $0.commits = 2
        },
    ]

    /// Up to many million states each, and gibibytes of memory.
    static let huge = [
        SharingScenario("three that do all", [all, all, all]).with { $0.commits = 2 },
        SharingScenario(
            "two that do all, one dies, three commits", [all.union(.dies), all.union(.dies)]
        ).with { $0.endings = 1 },
        SharingScenario(
            "a reader, a writer and a late seated reader, one page",
            [[.reads], [.writes, .checkpoints], [.reads, .startsLate]]
        ).with {
            $0.hasSeats = true
            $0.isBiased = true
            $0.sharesPage = true
        },
        SharingScenario(
            "a seated reader, a writer and a checkpoint, a reader dies twice",
            [[.reads, .dies], [.writes], [.checkpoints]]
        ).with {
            $0.commits = 2
            $0.endings = 2
            $0.hasSeats = true
            $0.isBiased = true
        },
    ]

    /// Those in which a lock must pass on whatever happens. `deaths`: of three writers.
    static func withDyingWriters(deaths: Int) -> [SharingScenario] {
        let three = SharingScenario(
            "three writers, deaths: \(deaths)", [[.writes, .dies], [.writes, .dies], [.writes]]
        ).with {
            $0.commits = 1
            $0.endings = deaths
        }
        return [dyingWriter, inheritedEntry, three]
    }
}

extension SharingScenario: CustomStringConvertible {
    var description: String { name }
}
