/// The protocol by which processes share a heap, as the engine's code has it, at the size of a few
/// commits. `Docs/Protocol.md` describes it.
///
/// Each routine of the code is a sequence of steps, in the file that bears its name. `perform` does
/// one of them and says which is next.
struct SharingModel: StateModel {
    let scenario: SharingScenario
    /// What is left out; nothing in the protocol as it is.
    let without: Protection?
    private let expected: [[UInt8]]

    init(_ scenario: SharingScenario, without: Protection? = nil) {
        self.scenario = scenario
        self.without = without
        var lines: [[UInt8]] = [[0, 0]]
        for commit in 1 ... UInt8(scenario.commits + 1) {
            lines.append((0 ..< 2).map { Self.writes(commit, $0) ? commit : lines.last![$0] })
        }
        expected = lines
    }

    var name: String { scenario.name + (without.map { " without \($0.rawValue)" } ?? "") }

    func has(_ protection: Protection) -> Bool { without != protection }

    // MARK: Contents

    /// Whether a commit changes a line: the first one both, the second one line 0, the third one
    /// line 1, and so on.
    static func writes(_ commit: UInt8, _ line: Int) -> Bool {
        commit % 3 == 1 || commit % 3 == UInt8(line == 0 ? 2 : 0)
    }

    /// The commit that wrote `line` last in the state of `position`.
    func contents(_ line: Int, at position: UInt8) -> UInt8 { expected[Int(position)][line] }

    func place(_ position: UInt8) -> Int { Int(position) % scenario.capacity }

    /// What a process sees: its private copy, or the file as it is.
    func visible(_ line: Int, to process: ModelProcess, in state: SharingState) -> UInt8 {
        let copy = process.copies[line]
        return copy == SharingState.none ? state.file[line] : copy
    }

    func sees(_ position: UInt8, _ process: ModelProcess, in state: SharingState) -> Bool {
        for line in 0 ..< 2
        where visible(line, to: process, in: state) != contents(line, at: position) {
            return false
        }
        return true
    }

    // MARK: The graph

    var initial: SharingState {
        var state = SharingState()
        for (index, role) in scenario.roles.enumerated() where !role.contains(.startsLate) {
            var process = ModelProcess()
            process.entry = UInt8(index)
            var entry = state.entries[index]
            entry.owner = SharingState.Entry.next(0, isSeated: scenario.hasSeats)
            entry.lock = UInt8(index) + 1
            state.entries[index] = entry
            process.member = member(index, entry.owner)
            process.isSeated = scenario.hasSeats
            process.rest()
            state.processes[index] = process
        }
        return state
    }

    func forEachStep(
        from state: SharingState, _ body: (SharingAction, SharingState) -> Void
    ) {
        for index in scenario.roles.indices {
            let process = state.processes[index]
            let role = scenario.roles[index]
            if process.isBuffered {
                var next = state
                drain(index, &next)
                body(SharingAction(process: index, kind: .store), next)
            }
            forEachChoice(of: process, role, in: state) { step, entry in
                var next = state
                if let entry { next.processes[index].entry = UInt8(entry) }
                perform(step, index, &next)
                body(SharingAction(process: index, kind: .step(step)), next)
            }
            if role.contains(.dies), process.step != .start,
                state.endings < UInt8(scenario.endings)
            {
                var next = state
                end(index, &next)
                body(SharingAction(process: index, kind: .death), next)
            }
        }
    }

    /// The steps that a process can take now: one inside a routine, several between them.
    private func forEachChoice(
        of process: ModelProcess, _ role: SharingScenario.Role, in state: SharingState,
        _ body: (SharingStep, _ entry: Int?) -> Void
    ) {
        switch process.step {
        case .damaged: break
        case .start where role.contains(.startsOnce): break
        case .start:
            for entry in 0 ..< scenario.entries where state.entries[entry].lock == 0 {
                body(.openLock, entry)
            }
        case .idle where process.isBiased:
            body(has(.seatBeforePublished) ? .biasSeat : .biasTarget, nil)
            body(.biasEnd, nil)
            if mayCheckpoint(role, state) { body(firstOfCheckpoint, nil) }
        case .idle:
            if role.contains(.reads) {
                body(process.isSeated ? .readSeat : firstOfRead, nil)
                if scenario.preparesUnprotected { body(.prepareTarget, nil) }
            }
            if role.contains(.writes) { body(firstOfWrite, nil) }
            if mayCheckpoint(role, state) { body(firstOfCheckpoint, nil) }
            if role.contains(.leaves), state.endings < UInt8(scenario.endings) {
                body(.leavePosition, nil)
            }
        case .read:
            body(.read, nil)
            if process.isSeated, scenario.isBiased { body(.biasLeave, nil) }
        case .moveLock where state.checkpointLock != 0: break
        default: body(process.step, nil)
        }
    }

    private func mayCheckpoint(_ role: SharingScenario.Role, _ state: SharingState) -> Bool {
        role.contains(.checkpoints) && (firstOfCheckpoint != .moveLock || state.checkpointLock == 0)
    }

    private func perform(_ step: SharingStep, _ index: Int, _ state: inout SharingState) {
        var process = state.processes[index]
        switch step {
        case .idle, .start, .damaged: break
        case .openLock ... .leaveLock: open(step, index, &process, &state)
        case .readSeat ... .biasEnd: read(step, &process, &state)
        case .followPeek ... .followDrop: follow(step, &process, state)
        case .writeRoomFirst ... .writeUnlock: write(step, &process, index, &state)
        default: move(step, &process, index, &state)
        }
        state.processes[index] = process
    }

    // MARK: Stores

    /// Stores the position of the process's entry at once, and all that its buffer holds before.
    func storeInOrder(
        _ position: UInt8, _ process: inout ModelProcess, _ state: inout SharingState
    ) {
        process.isBuffered = false
        process.bufferedPosition = 0
        state.entries[Int(process.entry)].position = position
    }

    /// Stores it in the buffer. Of two stores only the later one matters.
    func storeBuffered(_ position: UInt8, _ process: inout ModelProcess) {
        process.isBuffered = true
        process.bufferedPosition = position
    }

    /// Before any other store of the process: stores become visible in their order.
    func drain(_ process: inout ModelProcess, _ state: inout SharingState) {
        guard process.isBuffered else { return }
        storeInOrder(process.bufferedPosition, &process, &state)
    }

    private func drain(_ index: Int, _ state: inout SharingState) {
        var process = state.processes[index]
        drain(&process, &state)
        state.processes[index] = process
    }

    /// The process is gone. What it has stored becomes visible, and the kernel releases its locks.
    func end(_ index: Int, _ state: inout SharingState) {
        drain(index, &state)
        let holder = UInt8(index) + 1
        for entry in 0 ..< scenario.entries where state.entries[entry].lock == holder {
            state.entries[entry].lock = 0
        }
        if state.checkpointLock == holder { state.checkpointLock = 0 }
        state.endings += 1
        state.processes[index] = ModelProcess()
    }

    // MARK: Who is alive

    /// The number that stands for the owner of an entry in the write lock; never 0.
    func member(_ entry: Int, _ owner: UInt8) -> UInt8 {
        UInt8(entry) + 1 + (has(.lockNamesTake) ? owner & ~3 : 0)
    }

    /// Whether the entry's owner is alive, as far as process `index` can tell.
    func isAlive(_ entry: Int, asks index: Int, in state: SharingState) -> Bool {
        let holder = state.entries[entry].lock
        return holder != 0 && (has(.livenessFromKernel) || holder == UInt8(index) + 1)
    }
}

extension SharingStep: Comparable {
    static func < (one: SharingStep, other: SharingStep) -> Bool { one.rawValue < other.rawValue }
}
