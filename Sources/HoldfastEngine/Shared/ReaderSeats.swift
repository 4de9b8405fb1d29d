import HoldfastFormat
import HoldfastSystem
import Synchronization

/// Counters of the open read transactions of an image, in the shared file. Readers of one image use
/// different cache lines, so that beginning and ending a read is no write to a line that other
/// processors write.
///
/// An entry of the reader table that is *seated* protects its snapshot only while one of its
/// counters is not zero. So a snapshot can stay open between two reads without holding up
/// checkpoints. The protocol of `ReaderTable` holds with one more step at each end: a reader counts
/// itself before it loads the newest published position, and a checkpoint loads the counters after
/// its target and the entry. A checkpoint that misses a reader has a target that the reader's image
/// has reached.
///
/// There are 16 counters of two bytes for each of the table's first 64 entries. Other entries are
/// not seated, nor is one in which a process died while it read, as long as the file exists.
/// Counter *s* of entry *e* is at `LogLayout.seatsOffset + s * 128 + e * 2`. A thread always uses
/// the same counter of an entry, and the first threads of a process different ones.
enum ReaderSeats {
    static var count: Int { ThreadLines.count }
    static let entries = 64
    private static let stride = entries * MemoryLayout<UInt16>.size

    @inline(__always)
    private static func seat(_ number: Int, of entry: Int, in shared: SharedMemory) -> ReaderSeat {
        ReaderSeat(
            counter: (shared.base + LogLayout.seatsOffset + number * stride + entry * 2)
                .assumingMemoryBound(to: Atomic<UInt16>.self))
    }

    /// The calling thread's counter of an entry. Threads of processes whose entries are neighbours
    /// use different lines.
    @inline(__always)
    static func seatOfThread(of entry: Int, in shared: SharedMemory) -> ReaderSeat {
        seat(ThreadLines.ofThread(shiftedBy: entry &* 5), of: entry, in: shared)
    }

    /// Whether a reader has the entry's snapshot open.
    static func isAnyTaken(of entry: Int, in shared: SharedMemory) -> Bool {
        for number in 0 ..< count where seat(number, of: entry, in: shared).isTaken { return true }
        return false
    }

    /// Whether more than one reader has the entry's snapshot open.
    static func isTakenTwice(of entry: Int, in shared: SharedMemory) -> Bool {
        (0 ..< count).reduce(0) { $0 + seat($1, of: entry, in: shared).readers } > 1
    }
}

/// One counter. Safety: it lies in the words of `SharedMemory`, which stay mapped as long as the
/// opening exists. It belongs to the process that took it, not to its forked children.
struct ReaderSeat: @unchecked Sendable {
    fileprivate let counter: UnsafeMutablePointer<Atomic<UInt16>>

    /// The form in which a transaction's context keeps the seat.
    var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(counter) }

    fileprivate init(counter: UnsafeMutablePointer<Atomic<UInt16>>) { self.counter = counter }

    /// `address`: of a seat.
    init(at address: UnsafeMutableRawPointer) {
        counter = address.assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    /// Sequentially consistent; see `ReaderSeats`.
    @inline(__always)
    func take() {
        step(.changes)
        counter.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// Sequentially consistent, so that either this thread sees that the snapshot is to be closed,
    /// or the thread that wants that sees the counter; see `ReaderBias`.
    @inline(__always)
    func leave() {
        step(.changes)
        counter.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    fileprivate var readers: Int {
        step(.reads)
        return Int(counter.pointee.load(ordering: .sequentiallyConsistent))
    }
    fileprivate var isTaken: Bool { readers != 0 }

    @inline(__always)
    private func step(_ effect: Interleaving.Effect) {
        Interleaving.step(effect, .init(wordAt: counter))
    }
}
