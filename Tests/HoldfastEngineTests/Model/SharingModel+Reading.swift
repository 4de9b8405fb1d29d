/// Read transactions: `ReaderLock`, and `ReaderBias` as far as other processes see it.
extension SharingModel {
    var firstOfRead: SharingStep {
        has(.positionBeforePublished) ? .readStore : .readTarget
    }

    func read(_ step: SharingStep, _ process: inout ModelProcess, _ state: inout SharingState) {
        if process.step == .idle { process.begun = state.published }
        switch step {
        case .readSeat:
            changeSeats(by: 1, &process, &state)
            process.step = firstOfRead
        case .readStore:
            if has(.positionInOrder) {
                storeInOrder(process.applied, &process, &state)
            } else {
                storeBuffered(process.applied, &process)
            }
            if has(.positionBeforePublished) {
                process.step = .readTarget
            } else {
                continueReading(&process)
            }
        case .readTarget:
            process.target = state.published
            if has(.positionBeforePublished) {
                continueReading(&process)
            } else {
                process.step = .readStore
            }
        case .prepareTarget:
            process.target = state.published
            process.purpose = .prepare
            continueFollowing(&process)
        case .prepareSeat:
            changeSeats(by: 1, &process, &state)
            process.step = .readMove
        case .readMove:
            storeInOrder(process.applied, &process, &state)
            process.step = .readCompare
            if !has(.comparedAgain) { beginReading(&process) }
        case .readCompare:
            process.target = state.published
            process.purpose = .readAgain
            if process.applied == process.target {
                beginReading(&process)
            } else {
                process.step = firstOfFollowing
            }
        case .readMoveAgain:
            storeInOrder(process.applied, &process, &state)
            beginReading(&process)
        case .read:
            storeBuffered(SharingState.none, &process)
            process.isBiased = false
            process.rest()
            if process.isSeated { process.step = .readLeave }
        case .readLeave:
            changeSeats(by: -1, &process, &state)
            process.rest()
        default: readThroughBias(step, &process, &state)
        }
    }

    /// Reads while the snapshot stays open: a reader only takes a seat, and looks whether the image
    /// is still the newest state.
    private func readThroughBias(
        _ step: SharingStep, _ process: inout ModelProcess, _ state: inout SharingState
    ) {
        switch step {
        case .biasSeat:
            changeSeats(by: 1, &process, &state)
            if has(.seatBeforePublished) {
                process.step = .biasTarget
            } else {
                beginReading(&process)
            }
        case .biasTarget:
            let isNewest = state.published == process.applied
            if has(.seatBeforePublished) {
                if isNewest { beginReading(&process) } else { process.step = .biasLeave }
            } else {
                process.step = isNewest ? .biasSeat : .biasEnd
            }
        case .biasLeave:
            changeSeats(by: -1, &process, &state)
            // After a read the bias stays, or begins; otherwise the image is too old for it.
            let hasRead = process.step == .read
            process.rest()
            process.isBiased = hasRead
            if !hasRead { process.step = .biasEnd }
        case .biasEnd:
            storeBuffered(SharingState.none, &process)
            process.isBiased = false
            process.rest()
        default: break
        }
    }

    private func changeSeats(
        by change: Int8, _ process: inout ModelProcess, _ state: inout SharingState
    ) {
        drain(&process, &state)
        var entry = state.entries[Int(process.entry)]
        entry.seats = UInt8(Int8(entry.seats) + change)
        state.entries[Int(process.entry)] = entry
    }

    private func continueReading(_ process: inout ModelProcess) {
        if process.applied == process.target { return beginReading(&process) }
        process.purpose = .read
        process.step = firstOfFollowing
    }

    private func beginReading(_ process: inout ModelProcess) {
        let begun = process.begun
        process.rest()
        process.begun = begun
        process.step = .read
    }
}
