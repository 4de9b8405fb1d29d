#if DEBUG
    extension SharedRun {
        static let scenarios: [Scenario] = [
            // A commit and a checkpoint, beside a reader that begins, and holds its view.
            Scenario(name: "read", threads: [[.commit, .background, .commit], [.read, .read]]),
            Scenario(
                name: "read, three",
                threads: [[.commit, .commit], [.background, .background], [.read, .read]]),
            Scenario(
                name: "checkpoint", threads: [[.commit, .checkpoint], [.commit, .checkpoint]]),
            Scenario(
                name: "sync",
                threads: [[.commit, .sync], [.commit, .sync], [.background]]),
            // The ring is almost full: commits make room, and overwrite what others still read.
            Scenario(
                name: "wrap",
                threads: [[.commitLarge(30_000), .commitLarge(30_000)], [.read, .read]],
                before: [.commitLarge(50_000)]),
            Scenario(
                name: "wrap, three",
                threads: [
                    [.commitLarge(30_000), .commit], [.background, .background], [.read, .read],
                ], before: [.commitLarge(50_000)]),
            // What an idle reader has not applied yet is freed, and then overwritten.
            Scenario(
                name: "overwritten",
                threads: [[.commitLarge(30_000), .background, .commitLarge(40_000)], [.read]]),
            // One thread commits while it has a view open, the other makes a checkpoint.
            Scenario(
                name: "held", threads: [[.background], [.readAroundCommit]]),
            // Checkpoints pass views, whose pages are kept.
            Scenario(
                name: "kept",
                threads: [[.commit, .background, .commit, .background], [.read, .read]],
                keepsPages: true),
            Scenario(
                name: "kept, three",
                threads: [[.commit, .commit], [.background, .background], [.read, .read]],
                keepsPages: true),
            Scenario(
                name: "kept snapshot",
                threads: [[.commit, .background, .commit, .background], [.snapshot, .snapshot]],
                keepsPages: true),
            Scenario(
                name: "kept, and overwritten",
                threads: [
                    [.commitLarge(30_000), .background, .commitLarge(40_000)], [.read, .read],
                ], keepsPages: true),
            Scenario(
                name: "kept around a commit",
                threads: [[.background, .background], [.readAroundCommit, .read]],
                keepsPages: true),
            Scenario(
                name: "kept beside deaths",
                threads: [[.commit, .background], [.commit, .background, .read], [.read]],
                mortal: [0], keepsPages: true),
            // The same as "held", but the ring may grow.
            Scenario(
                name: "grow",
                threads: [
                    [.commitLarge(30_000), .commit], [.background, .sync], [.read, .read],
                ], before: [.commitLarge(50_000)], logLimit: 256 * 1024),
            Scenario(
                name: "snapshot",
                threads: [[.commit, .background, .commit], [.snapshot, .snapshot]]),
            Scenario(
                name: "visit", threads: [[.open, .commit, .background, .commit], [.visit]]),
            Scenario(
                name: "visit in use", threads: [[.commit, .background, .commit], [.visit]]),
            Scenario(name: "open", threads: [[.commit, .background, .commit], [.open, .read]]),
            Scenario(
                name: "close",
                threads: [[.commit, .close], [.open, .read, .commit, .close]]),
            Scenario(
                name: "close, both",
                threads: [[.commit, .close], [.commit, .close], [.open, .read]]
            ),
            Scenario(
                name: "suspend",
                threads: [[.commit, .background, .commit], [.read, .suspend, .read]]),
            Scenario(
                name: "suspend, and close",
                threads: [[.commit, .suspend, .read], [.open, .read, .commit, .close]]),
            Scenario(
                name: "start", threads: [[.open, .commit, .read], [.open, .commit, .read]]),
            // A writer, or the maker of a checkpoint, dies.
            Scenario(
                name: "death of a writer",
                threads: [[.commit, .commit], [.read, .commit, .read]], mortal: [0]),
            Scenario(
                name: "death in a checkpoint",
                threads: [[.commit, .background], [.commit, .background, .read]], mortal: [0]),
            Scenario(
                name: "death, and overwritten",
                threads: [[.commitLarge(30_000), .background], [.commitLarge(40_000), .read]],
                mortal: [0]),
            Scenario(
                name: "death in a sync",
                threads: [[.commit, .sync], [.commit, .sync, .read]], mortal: [0]),
            Scenario(
                name: "death while the ring grows",
                threads: [[.commitLarge(30_000)], [.read, .commitLarge(30_000), .sync, .read]],
                before: [.commitLarge(50_000)], mortal: [0], logLimit: 256 * 1024),
            Scenario(
                name: "death of a reader",
                threads: [[.commit, .background, .commit, .background], [.read, .read]],
                mortal: [1]),
            Scenario(
                name: "death in an opening",
                threads: [[.open, .read], [.open, .read, .commit, .close]], mortal: [0]),
            Scenario(
                name: "death in a suspension",
                threads: [[.commit, .suspend, .read], [.commit, .read]], mortal: [0]),
            Scenario(
                name: "death in a closing",
                threads: [[.commit, .close], [.open, .read, .commit, .close]], mortal: [0]),
        ]
    }
#endif
