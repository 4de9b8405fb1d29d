/// The locks of entries inside one opening (`EntryLocks`). The kernel keeps a lock for the whole
/// opening, so the opening's threads have to tell by an account of their own which entries are
/// taken: while one closes an image and gives its entry up, another may open an image and look for
/// an entry. A third thread stands for another process that takes and releases the lock.
struct EntryLockModel: StateModel {
    struct State: Hashable {
        var closing = Step.freesOwner
        var opening = Step.looksAtAccount
        /// Whether the opening's account has the entry.
        var isOwn = true
        var lock = Holder.opening
        /// Whether the entry names the image that is being opened.
        var isOccupied = false
    }

    enum Holder { case nobody, opening, otherProcess }

    enum Step: String, CustomStringConvertible {
        case freesOwner = "one thread frees the entry"
        case forgets = "one thread removes the entry from the account"
        case unlocks = "one thread releases the entry's lock"
        case looksAtAccount = "the other finds that the entry is not in the account"
        case locks = "the other takes the entry's lock"
        case remembers = "the other adds the entry to the account"
        case occupies = "the other stores its image as the entry's owner"
        case otherLocks = "another process takes the entry's lock"
        case otherUnlocks = "another process releases the entry's lock"
        case nothing = "nothing"

        var description: String { rawValue }
    }

    /// Whether the lock is released before the account forgets the entry. Otherwise after that.
    let unlocksFirst: Bool

    var name: String { "entry locks, " + (unlocksFirst ? "unlocked" : "forgotten") + " first" }
    var initial: State { State() }

    func forEachStep(from state: State, _ body: (Step, State) -> Void) {
        var next = state
        switch state.closing {
        case .freesOwner: next.closing = unlocksFirst ? .unlocks : .forgets
        case .forgets:
            next.isOwn = false
            next.closing = unlocksFirst ? .nothing : .unlocks
        case .unlocks:
            // The kernel releases only what the opening has.
            if state.lock == .opening { next.lock = .nobody }
            next.closing = unlocksFirst ? .forgets : .nothing
        default: break
        }
        if next != state { body(state.closing, next) }
        next = state
        switch state.opening {
        case .looksAtAccount where !state.isOwn: next.opening = .locks
        case .locks:
            next.opening = state.lock == .otherProcess ? .looksAtAccount : .remembers
            if state.lock == .nobody { next.lock = .opening }
        case .remembers:
            next.isOwn = true
            next.opening = .occupies
        case .occupies:
            next.isOccupied = true
            next.opening = .nothing
        default: break
        }
        if next != state { body(state.opening, next) }
        next = state
        switch state.lock {
        case .nobody:
            next.lock = .otherProcess
            body(.otherLocks, next)
        case .otherProcess:
            next.lock = .nobody
            body(.otherUnlocks, next)
        case .opening: break
        }
    }

    static let unlocked = "An entry names a living owner, and its lock is free"

    func violation(in state: State) -> String? {
        state.isOccupied && state.lock != .opening ? Self.unlocked : nil
    }

    func describe(_ state: State) -> [String] {
        [
            "lock: \(state.lock)", "in the account: \(state.isOwn)",
            "occupied: \(state.isOccupied)",
        ]
    }
}
