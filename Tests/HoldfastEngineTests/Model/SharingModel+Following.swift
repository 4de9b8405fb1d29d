/// Catching up: `LogFollower.follow`.
extension SharingModel {
    var firstOfFollowing: SharingStep { has(.recordBeforeCheckpoint) ? .follow : .followPeek }

    func follow(_ step: SharingStep, _ process: inout ModelProcess, _ state: SharingState) {
        switch step {
        case .followPeek:
            process.base = state.checkpoint
            process.step = .follow
        case .follow:
            let next = process.applied + 1
            if state.ring[place(next)] == next {
                process.base = 0
                apply(next, to: &process, state)
                continueFollowing(&process)
            } else if has(.recordBeforeCheckpoint) {
                process.step = .followCheckpoint
            } else {
                process.step = process.applied < process.base ? .followHeader : .damaged
            }
        case .followCheckpoint:
            process.step = process.applied < state.checkpoint ? .followHeader : .damaged
        case .followHeader:
            process.base = state.header
            process.step = .followDrop
        default:
            process.copies = SharingState.Cells(repeating: SharingState.none)
            process.applied = process.base
            process.base = 0
            continueFollowing(&process)
        }
    }

    /// The next record, or what the process has caught up for.
    func continueFollowing(_ process: inout ModelProcess) {
        guard process.applied >= process.target else {
            process.step = firstOfFollowing
            return
        }
        process.base = 0
        switch process.purpose {
        case .open: process.step = .openClose
        case .prepare: process.step = process.isSeated ? .prepareSeat : .readMove
        case .readAgain: process.step = .readMoveAgain
        case .write: process.step = .writeRoom
        case .read, .none: process.step = .readMove
        }
    }

    /// Stores the commit's lines into the image. The system copies a page at the first store to it,
    /// with whatever the file shows in the page's other lines at that moment.
    func apply(_ commit: UInt8, to process: inout ModelProcess, _ state: SharingState) {
        process.applied = commit
        for line in 0 ..< 2 {
            if Self.writes(commit, line) {
                process.copies[line] = commit
            } else if scenario.sharesPage, process.copies[line] == SharingState.none {
                process.copies[line] = state.file[line]
            }
        }
    }
}
