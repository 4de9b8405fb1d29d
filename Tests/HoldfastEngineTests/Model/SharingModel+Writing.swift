/// Write transactions: `ProcessLock`, `WriterLock`, `Committer.append`.
extension SharingModel {
    var firstOfWrite: SharingStep { has(.roomUnderLock) ? .writeLock : .writeRoomFirst }

    func write(
        _ step: SharingStep, _ process: inout ModelProcess, _ index: Int,
        _ state: inout SharingState
    ) {
        switch step {
        case .writeRoomFirst:
            if hasRoom(after: state.published, state) { process.step = .writeLock }
        case .writeLock, .writeSee, .writeOwner, .writeAsk, .writeTake:
            lock(step, &process, index, &state)
        case .writeTarget:
            process.target = state.published
            continueFollowing(&process)
        case .writeRoom:
            process.step = .writeUnlock
            // The end of the model is a transaction that has changed nothing.
            if process.applied < UInt8(scenario.commits),
                !has(.roomUnderLock) || hasRoom(after: process.applied, state)
            {
                process.step = has(.recordBeforePublished) ? .writeBegin : .writePublish
            }
        case .writeBegin:
            drain(&process, &state)
            state.ring[place(process.applied + 1)] = SharingState.torn
            process.step = .writeRecord
        case .writeRecord:
            state.ring[place(process.applied + 1)] = process.applied + 1
            process.step = has(.recordBeforePublished) ? .writePublish : .writeUnlock
        case .writePublish:
            drain(&process, &state)
            state.published = process.applied + 1
            if has(.recordBeforePublished) {
                apply(state.published, to: &process, state)
                process.step = .writeUnlock
            } else {
                process.step = .writeRecord
            }
        default:
            drain(&process, &state)
            state.writeLock = 0
            process.rest()
        }
    }

    private func hasRoom(after position: UInt8, _ state: SharingState) -> Bool {
        !has(.reuseBelowCheckpoint)
            || Int(position) + 1 - Int(state.checkpoint) <= scenario.capacity
    }

    /// `ProcessLock.lock`. A process that finds a living holder gives up, and may try again.
    private func lock(
        _ step: SharingStep, _ process: inout ModelProcess, _ index: Int,
        _ state: inout SharingState
    ) {
        let entry = Int((process.seen &- 1) % 4)
        switch step {
        case .writeLock:
            if state.writeLock == 0 { take(&process, &state) } else { process.step = .writeSee }
        case .writeSee:
            process.seen = state.writeLock
            process.step = process.seen == 0 ? .writeLock : .writeOwner
        case .writeOwner:
            let isSame = member(entry, state.entries[entry].owner) == process.seen
            process.step = isSame ? .writeAsk : .writeTake
        case .writeAsk:
            if isAlive(entry, asks: index, in: state) {
                process.rest()
            } else {
                process.step = .writeTake
            }
        default:
            if state.writeLock == process.seen {
                take(&process, &state)
            } else {
                process.step = .writeSee
            }
        }
    }

    private func take(_ process: inout ModelProcess, _ state: inout SharingState) {
        drain(&process, &state)
        state.writeLock = process.member
        process.seen = 0
        process.purpose = .write
        process.step = .writeTarget
    }
}
