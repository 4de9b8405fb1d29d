/// How an invariant is broken.
enum Harm: String {
    case mixedRead = "A process reads other lines than those of one commit"
    case oldRead = "A process reads an older state than the newest when it began"
    case mixedWrite = "A process writes on other lines than those of one commit"
    case oldWrite = "A process writes on an old state"
    case falseDamage = "A process takes a sound log for damaged"
    case twoWriters = "Two processes have the write lock"
    case lostRecord = "A record that is needed is gone"
    case lostCommit = "Recovery does not restore the newest commit"
    case noWayOn = "There is no way on"
}

/// What must hold in every state.
extension SharingModel {
    func violation(in state: SharingState) -> String? { harm(in: state)?.rawValue }

    private func harm(in state: SharingState) -> Harm? {
        var writers = 0
        for index in scenario.roles.indices {
            let process = state.processes[index]
            switch process.step {
            case .damaged: return .falseDamage
            case .read:
                // Whenever the process looks at its lines while its transaction is open.
                if process.applied < process.begun { return .oldRead }
                if !sees(process.applied, process, in: state) { return .mixedRead }
            case .writeRoom, .writeBegin, .writePublish:
                if process.applied != state.published { return .oldWrite }
                if !sees(process.applied, process, in: state) { return .mixedWrite }
            default: break
            }
            if hasWriteLock(process) { writers += 1 }
        }
        if writers > 1 { return .twoWriters }
        if !isWhole(state) { return .lostRecord }
        return recovers(state) ? nil : .lostCommit
    }

    /// Whether the process has the write lock, by its own account.
    private func hasWriteLock(_ process: ModelProcess) -> Bool { process.purpose == .write }

    /// Whether the ring has every record that a follower or a recovery may need.
    private func isWhole(_ state: SharingState) -> Bool {
        var position = min(state.checkpoint, state.header)
        while position < state.published {
            position += 1
            if state.ring[place(position)] != position { return false }
        }
        return true
    }

    /// Whether the first opening after the death of all processes, from the file and the ring, has
    /// the newest published commit. A commit whose record was complete but not published may be
    /// kept as well: nobody was told whether it has happened.
    private func recovers(_ state: SharingState) -> Bool {
        var position = state.header
        var first = state.file[0]
        var second = state.file[1]
        while position <= state.published,
            state.ring[place(position + 1)] == position + 1
        {
            position += 1
            if Self.writes(position, 0) { first = position }
            if Self.writes(position, 1) { second = position }
        }
        return position >= state.published && first == contents(0, at: position)
            && second == contents(1, at: position)
    }

    // MARK: Progress

    /// The write lock is free, or nobody is left to want it: a lock that a dead process has left
    /// must always pass on.
    func isGoal(_ state: SharingState) -> Bool {
        state.writeLock == 0
            || scenario.roles.indices.allSatisfy { state.processes[$0].step == .start }
    }

    func isOrdinary(_ action: SharingAction) -> Bool {
        if case .death = action.kind { false } else { true }
    }

    // MARK: Description

    func describe(_ state: SharingState) -> [String] {
        func text(_ byte: UInt8) -> String {
            switch byte {
            case SharingState.none: "-"
            case SharingState.torn: "torn"
            default: "\(byte)"
            }
        }
        var parts = [
            "published \(state.published), checkpoint \(state.checkpoint), header \(state.header)",
            "file \((0 ..< 2).map { text(state.file[$0]) }.joined(separator: "/"))",
            "ring \((0 ..< scenario.capacity).map { text(state.ring[$0]) }.joined(separator: "/"))",
            "write lock \(state.writeLock)",
        ]
        for index in 0 ..< scenario.entries {
            let entry = state.entries[index]
            let owner =
                SharingState.Entry.isTaken(entry.owner)
                ? "taken the \(entry.owner >> 2). time" : "free"
            parts.append(
                "entry \(index) \(owner), at \(text(entry.position)), seats \(entry.seats)"
                    + (entry.lock == 0 ? "" : ", lock of \(entry.lock - 1)"))
        }
        for index in scenario.roles.indices where state.processes[index].step != .start {
            let process = state.processes[index]
            parts.append(
                "process \(index) at \(process.applied) sees "
                    + (0 ..< 2).map { text(visible($0, to: process, in: state)) }
                    .joined(separator: "/"))
        }
        return parts
    }
}
