/// The beginning and the end of a process: `ReaderTable.take`, `Opener.beginToFollow`,
/// `ReaderTable.giveUp`.
extension SharingModel {
    func open(
        _ step: SharingStep, _ index: Int, _ process: inout ModelProcess,
        _ state: inout SharingState
    ) {
        var entry = state.entries[Int(process.entry)]
        switch step {
        case .openLock:
            entry.lock = UInt8(index) + 1
            process.step = .openLoad
        case .openLoad:
            process.seen = SharingState.Entry.freed(entry.owner)
            process.step = .openFree
        case .openFree:
            entry.owner = process.seen
            process.step = .openPosition
        case .openPosition:
            entry.position = SharingState.none
            process.step = .openSeats
        case .openSeats:
            // An entry in which a process died while it read is not seated again.
            let isSeated = scenario.hasSeats && entry.seats == 0
            process.seen = SharingState.Entry.next(entry.owner, isSeated: isSeated)
            process.step = .openOwner
        case .openOwner:
            entry.owner = process.seen
            process.member = member(Int(process.entry), process.seen)
            process.isSeated = SharingState.Entry.isSeated(process.seen)
            process.step = process.isSeated ? .openSeat : .openStore
        case .openSeat:
            entry.seats += 1
            process.step = .openStore
        case .openStore:
            entry.position = 0
            process.step = .openHeader
        case .openHeader:
            process.base = state.header
            process.step = .openDrop
        case .openDrop:
            process.applied = process.base
            process.step = .openTarget
        case .openTarget:
            process.target = state.published
            process.purpose = .open
            continueFollowing(&process)
        case .openClose:
            process.rest()
            if process.isSeated { process.step = .openLeave }
            storeBuffered(SharingState.none, &process)
        case .openLeave:
            drain(&process, &state)
            entry = state.entries[Int(process.entry)]
            entry.seats -= 1
            process.rest()
        case .leavePosition:
            drain(&process, &state)
            entry.position = SharingState.none
            process.step = .leaveOwner
        case .leaveOwner:
            entry.owner = SharingState.Entry.freed(entry.owner)
            process.step = .leaveLock
        default: break
        }
        state.entries[Int(process.entry)] = entry
        if step == .leaveLock {
            state.processes[index] = process
            end(index, &state)
            process = state.processes[index]
        }
    }
}
