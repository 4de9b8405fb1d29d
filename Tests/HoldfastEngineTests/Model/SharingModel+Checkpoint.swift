/// Checkpoints: `Checkpointer.moveLocked`, `ReaderTable.lowest`.
extension SharingModel {
    var firstOfCheckpoint: SharingStep { has(.targetUnderLock) ? .moveLock : .moveHeader }

    func move(
        _ step: SharingStep, _ process: inout ModelProcess, _ index: Int,
        _ state: inout SharingState
    ) {
        switch step {
        case .moveLock:
            state.checkpointLock = UInt8(index) + 1
            process.step = has(.targetUnderLock) ? .moveHeader : .moveIndex
        case .moveHeader:
            process.base = state.header
            process.target = SharingState.none
            // A process has died between the two stores.
            process.step = state.checkpoint < state.header ? .moveComplete : afterHeader
        case .moveComplete:
            drain(&process, &state)
            state.checkpoint = process.base
            process.step = afterHeader
        case .moveTarget:
            process.target = min(state.published, process.target)
            process.step = has(.targetBeforeTable) ? .tableOwner : .moveIndex
            if !has(.targetBeforeTable) { endTable(&process) }
        case .tableOwner, .tablePosition, .tableSeats, .tableAsk, .tableFree:
            look(step, &process, index, &state)
        case .moveIndex, .pageBegin, .pageWrite: writePages(step, &process, &state)
        case .moveHeaderWrite:
            state.header = process.target
            process.step = has(.headerAfterPages) ? .moveStore : .pageBegin
            if !has(.spaceFreedLast) { process.step = .moveUnlock }
        case .moveStore:
            drain(&process, &state)
            state.checkpoint = has(.freesWhatItMoved) ? process.target : state.published
            process.step = has(.spaceFreedLast) ? .moveUnlock : .pageBegin
        default:
            state.checkpointLock = 0
            process.rest()
        }
    }

    private var afterHeader: SharingStep { has(.targetBeforeTable) ? .moveTarget : .tableOwner }

    // MARK: The reader table

    /// `ReaderTable.lowest`, for the entry at the cursor.
    private func look(
        _ step: SharingStep, _ process: inout ModelProcess, _ index: Int,
        _ state: inout SharingState
    ) {
        let cursor = Int(process.cursor)
        let entry = state.entries[cursor]
        switch step {
        case .tableOwner:
            process.seen = entry.owner
            process.step = .tablePosition
            if !SharingState.Entry.isTaken(entry.owner) { nextEntry(&process) }
        case .tablePosition:
            guard entry.position < process.target else { return nextEntry(&process) }
            process.seenPosition = entry.position
            process.step =
                SharingState.Entry.isSeated(process.seen) ? .tableSeats : .tableAsk
        case .tableSeats:
            if entry.seats == 0 { nextEntry(&process) } else { process.step = .tableAsk }
        case .tableAsk:
            guard isAlive(cursor, asks: index, in: state) else {
                process.step = .tableFree
                return
            }
            process.target = process.seenPosition
            nextEntry(&process)
        default:
            drain(&process, &state)
            if entry.owner == process.seen || !has(.freedByExchange) {
                state.entries[cursor].owner = SharingState.Entry.freed(process.seen)
            }
            nextEntry(&process)
        }
    }

    private func nextEntry(_ process: inout ModelProcess) {
        process.seen = 0
        process.seenPosition = 0
        process.cursor += 1
        process.step = .tableOwner
        if Int(process.cursor) == scenario.entries {
            process.cursor = 0
            if has(.targetBeforeTable) { endTable(&process) } else { process.step = .moveTarget }
        }
    }

    /// The target is known now.
    private func endTable(_ process: inout ModelProcess) {
        guard process.target > process.base else {
            if has(.targetUnderLock) { process.step = .moveUnlock } else { process.rest() }
            return
        }
        process.step = has(.targetUnderLock) ? .moveIndex : .moveLock
    }

    // MARK: The pages

    private func writePages(
        _ step: SharingStep, _ process: inout ModelProcess, _ state: inout SharingState
    ) {
        let cursor = Int(process.cursor)
        switch step {
        case .moveIndex:
            process.step = .pageBegin
            if !has(.headerAfterPages) { process.step = .moveHeaderWrite }
            if !has(.spaceFreedLast) { process.step = .moveStore }
            for position in process.base + 1 ... process.target
            where state.ring[place(position)] != position {
                process.step = .damaged
            }
            skipPages(&process)
        case .pageBegin:
            for line in linesOfPage(cursor) where moved(line, process) != 0 {
                state.file[line] = SharingState.torn
            }
            process.step = .pageWrite
        default:
            for line in linesOfPage(cursor) {
                let commit = moved(line, process)
                if commit != 0 { state.file[line] = commit }
            }
            process.cursor += 1
            process.step = .pageBegin
            skipPages(&process)
        }
    }

    private func linesOfPage(_ page: Int) -> Range<Int> {
        scenario.sharesPage ? 0 ..< 2 : page ..< page + 1
    }

    /// The last commit among those that the checkpoint moves that writes the line; 0: none does.
    private func moved(_ line: Int, _ process: ModelProcess) -> UInt8 {
        let commit = contents(line, at: process.target)
        return commit > process.base ? commit : 0
    }

    /// Passes pages that no moved record changes; after the last page comes the header.
    private func skipPages(_ process: inout ModelProcess) {
        guard process.step == .pageBegin else { return }
        let pages = scenario.sharesPage ? 1 : 2
        while Int(process.cursor) < pages,
            linesOfPage(Int(process.cursor)).allSatisfy({ moved($0, process) == 0 })
        {
            process.cursor += 1
        }
        guard Int(process.cursor) == pages else { return }
        process.cursor = 0
        process.step = has(.headerAfterPages) ? .moveHeaderWrite : .moveStore
    }
}
