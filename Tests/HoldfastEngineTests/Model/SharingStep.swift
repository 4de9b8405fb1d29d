/// What a process does next: one load or store of shared memory, one call to the kernel, or one
/// write to the data file. The cases of one routine stand together.
enum SharingStep: UInt8, CaseIterable {
    // Between the routines. `start` is that of a process that does not run yet, or no more.
    case idle, start, damaged

    // Begins to run: ReaderTable.take, Opener.beginToFollow.
    case openLock, openLoad, openFree, openPosition, openSeats, openOwner
    case openSeat, openStore, openHeader, openDrop, openTarget, openClose, openLeave

    // Ends: ReaderTable.giveUp. A process can also die, at any step.
    case leavePosition, leaveOwner, leaveLock

    // Reads: ReaderLock, ReaderBias.
    case readSeat, readStore, readTarget, readMove, readCompare, readMoveAgain, read, readLeave
    case prepareTarget, prepareSeat
    case biasSeat, biasTarget, biasLeave, biasEnd

    // Catches up: LogFollower.follow.
    case followPeek, follow, followCheckpoint, followHeader, followDrop

    // Writes: ProcessLock, Committer.append.
    case writeRoomFirst, writeLock, writeSee, writeOwner, writeAsk, writeTake
    case writeTarget, writeRoom, writeBegin, writeRecord, writePublish, writeUnlock

    // Checkpoints: Checkpointer.moveLocked, ReaderTable.lowest.
    case moveLock, moveHeader, moveComplete, moveTarget
    case tableOwner, tablePosition, tableSeats, tableAsk, tableFree
    case moveIndex, pageBegin, pageWrite, moveHeaderWrite, moveStore, moveUnlock

    var text: String {
        switch self {
        case .idle: "does nothing"
        case .start: "does not run"
        case .damaged: "takes the log for damaged"
        case .openLock: "takes the entry's lock"
        case .openLoad: "loads the entry's owner"
        case .openFree: "stores: the entry is free"
        case .openPosition: "stores: no snapshot is open in its new entry"
        case .openSeats: "loads the seats of its new entry"
        case .openOwner: "stores itself as the entry's owner"
        case .openSeat: "counts itself in its seat, to open"
        case .openStore: "stores position 0, to open"
        case .openHeader: "reads the header, to open"
        case .openDrop: "maps the data file"
        case .openTarget: "loads the published position, to open"
        case .openClose: "stores: its snapshot is closed; it is open"
        case .openLeave: "leaves its seat; it is open"
        case .leavePosition: "ends: stores that no snapshot is open"
        case .leaveOwner: "ends: stores that its entry is free"
        case .leaveLock: "ends: releases its entry's lock"
        case .readSeat: "begins to read: counts itself in its seat"
        case .readStore: "stores the position of its image"
        case .readTarget: "loads the published position, to read"
        case .readMove: "moves its snapshot to the position of its image"
        case .readCompare: "loads the published position again"
        case .readMoveAgain: "moves its snapshot again"
        case .read: "ends its read: stores that no snapshot is open"
        case .readLeave: "leaves its seat"
        case .prepareTarget: "begins to read, unprotected: loads the published position"
        case .prepareSeat: "counts itself in its seat, when it has caught up"
        case .biasSeat: "counts itself in its seat, its snapshot being open"
        case .biasTarget: "loads the published position, its snapshot being open"
        case .biasLeave: "leaves its seat; its snapshot stays open"
        case .biasEnd: "stores that its snapshot is no longer open"
        case .followPeek: "loads the checkpoint position, before it looks for a record"
        case .follow: "looks for the next record, and applies it"
        case .followCheckpoint: "misses the record: loads the checkpoint position"
        case .followHeader: "starts anew: reads the header"
        case .followDrop: "starts anew: drops its private pages"
        case .writeRoomFirst: "decides, without the lock, whether there is room"
        case .writeLock: "exchanges a free write lock for itself"
        case .writeSee: "loads who has the write lock"
        case .writeOwner: "loads the owner of the lock's entry"
        case .writeAsk: "asks whether the lock's holder is alive"
        case .writeTake: "takes the write lock from a dead holder"
        case .writeTarget: "loads the published position, to write"
        case .writeRoom: "loads the checkpoint position: whether there is room"
        case .writeBegin: "writes the first half of a record"
        case .writeRecord: "writes the second half of the record"
        case .writePublish: "publishes the record"
        case .writeUnlock: "gives the write lock back"
        case .moveLock: "takes the checkpoint lock"
        case .moveHeader: "reads the header, for a checkpoint"
        case .moveComplete: "stores the header's checkpoint position"
        case .moveTarget: "loads the published position as its target"
        case .tableOwner: "loads an entry's owner"
        case .tablePosition: "loads an entry's position"
        case .tableSeats: "loads an entry's seats"
        case .tableAsk: "asks whether an entry's owner is alive"
        case .tableFree: "frees a dead process's entry"
        case .moveIndex: "reads the records that it moves"
        case .pageBegin: "writes the first half of a page"
        case .pageWrite: "writes the second half of a page"
        case .moveHeaderWrite: "writes the header"
        case .moveStore: "stores the checkpoint position"
        case .moveUnlock: "releases the checkpoint lock"
        }
    }
}

/// One step of one process.
struct SharingAction: CustomStringConvertible {
    enum Kind {
        case step(SharingStep)
        case store
        case death
    }

    var process: Int
    var kind: Kind

    var description: String {
        switch kind {
        case .step(let step): "process \(process) \(step.text)"
        case .store: "the buffered store of process \(process) becomes visible"
        case .death: "process \(process) dies"
        }
    }
}
