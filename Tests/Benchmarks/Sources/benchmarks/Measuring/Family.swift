/// A system that takes part in a family of works.
struct Contestant {
    let system: String
    /// Variables without which the system would work in another mode. It runs in a process of its
    /// own then, which has them from its start.
    var environment: [String: String] = [:]
    /// Makes what it needs, does each work inside the recorder's `time`, and leaves nothing open.
    let run: (Recorder) throws -> Void
}

/// Works that use the same things, and the systems that do them.
struct Family {
    let name: String
    /// The works that its contestants record, and no others.
    let works: [String]
    /// Makes what all rounds use.
    let contestants: (Bench) throws -> [Contestant]
}

/// Where and what to measure.
struct Bench {
    let folder: Folder
    let filter: Filter
}
