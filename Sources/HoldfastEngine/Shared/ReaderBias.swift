import HoldfastSystem
import Synchronization

/// Admits readers to an image without the latch, while nothing but reads happens there.
///
/// After some reads in a row the bias is *open*: it holds the latch and the snapshot like one more
/// reader, and other readers merely count themselves in a seat. A thread that needs the image for
/// itself, or a newer state of it, *closes* the bias first: no more readers enter through it, and
/// when the last seat is empty, the bias leaves the latch and the snapshot is closed.
///
/// A reader takes its seat before it looks whether the bias is open, and the closing thread looks
/// at the seats after it has marked the bias: at least one of them sees the other. The word counts
/// the changes, so that a thread that was interrupted between looking and changing cannot act on a
/// later opening.
///
/// Source: D. Dice, A. Kogan: BRAVO – Biased Locking for Reader-Writer Locks, USENIX ATC 2019. New
/// here: the table of visible readers lies in shared memory, where checkpoints of other processes
/// look at it too.
struct ReaderBias: ~Copyable {
    /// The word: two bits of state, seven of the reader table's entry, and a count of changes.
    struct State: Equatable {
        fileprivate let word: UInt64

        private static let open: UInt64 = 1
        private static let closing: UInt64 = 2

        fileprivate init(word: UInt64) { self.word = word }

        var isOpen: Bool { word & 3 == Self.open }
        var isClosing: Bool { word & 3 == Self.closing }
        var entry: Int { Int((word >> 2) & 127) }

        private var changes: UInt64 { word >> 9 }

        private func next(_ state: UInt64, _ entry: Int) -> State {
            State(word: state | UInt64(entry) << 2 | (changes &+ 1) << 9)
        }

        fileprivate func opened(_ entry: Int) -> State { next(Self.open, entry) }
        fileprivate var closed: State { next(Self.closing, entry) }
        fileprivate var ended: State { next(0, 0) }
    }

    /// Reads through the latch before the bias opens. Opening and closing it costs about as much as
    /// it saves in ten reads.
    private static let readsBefore = 16
    /// How long the time of a snapshot that stays open may be out of date, in nanoseconds.
    private static let longestStamp: UInt64 = 100_000_000

    private let word = Atomic<UInt64>(0)
    /// Reads through the latch since the image was last used otherwise. Approximate.
    private let reads = Atomic<Int>(0)
    /// When the time of the snapshot was last compared.
    private let stamp = Atomic<UInt64>(0)

    @inline(__always)
    var state: State { State(word: word.load(ordering: .sequentiallyConsistent)) }

    @inline(__always)
    private func change(_ old: State, to new: State) -> Bool {
        word.compareExchange(
            expected: old.word, desired: new.word, ordering: .sequentiallyConsistent
        ).exchanged
    }

    // MARK: Readers

    /// Takes a seat if the bias is open. The caller then compares the image with the newest
    /// position, and leaves again if it is older. `state`: seen a moment ago.
    @inline(__always)
    func enter(_ state: State, _ shared: SharedMemory) -> ReaderSeat? {
        guard state.isOpen else { return nil }
        let seat = ReaderSeats.seatOfThread(of: state.entry, in: shared)
        seat.take()
        if self.state == state {
            let now = Deadline.coarseNow
            if now &- stamp.load(ordering: .relaxed) > Self.longestStamp {
                renew(state, now, shared)
            }
            return seat
        }
        seat.leave()
        return nil
    }

    /// Keeps the time of the snapshot that other processes see: readers come and go without
    /// storing it.
    @inline(never)
    private func renew(_ state: State, _ now: UInt64, _ shared: SharedMemory) {
        stamp.store(now, ordering: .relaxed)
        // Otherwise another reader may have it open for longer.
        guard !ReaderSeats.isTakenTwice(of: state.entry, in: shared) else { return }
        ReaderTable.restamp(state.entry, now, in: shared)
    }

    /// For a reader that has been admitted by the latch: opens the bias if the image is only read.
    /// If true, the bias has taken over the reader's place in the latch.
    @inline(__always)
    func openIfDue(_ entry: Int) -> Bool {
        let count = reads.load(ordering: .relaxed) &+ 1
        reads.store(count, ordering: .relaxed)
        return count > Self.readsBefore && open(entry)
    }

    @inline(never)
    private func open(_ entry: Int) -> Bool {
        let state = state
        guard !state.isOpen, !state.isClosing else { return false }
        stamp.store(Deadline.coarseNow, ordering: .relaxed)
        return change(state, to: state.opened(entry))
    }

    // MARK: Closing

    /// The image is not only read.
    @inline(__always)
    func forgetReads() { reads.store(0, ordering: .relaxed) }

    /// Admits no more readers. The caller then calls `mayEnd`.
    func close() {
        forgetReads()
        let state = state
        if state.isOpen { _ = change(state, to: state.closed) }
    }

    /// Whether the bias is being closed, and the last reader has left. Then, and for one caller
    /// only, the bias has ended, and the caller gives up its place in the latch.
    func mayEnd(_ shared: SharedMemory) -> Bool {
        let state = state
        guard state.isClosing, !ReaderSeats.isAnyTaken(of: state.entry, in: shared) else {
            return false
        }
        return change(state, to: state.ended)
    }
}
