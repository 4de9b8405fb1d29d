import Synchronization
import TestSupport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The commits that the processes of a storm have begun and finished, in a file of shared memory
/// outside the heap: a `kill -9` loses none of it.
///
/// A seat is a place that processes occupy one after the other; only the process that occupies it
/// writes the seat's words.
///
/// `@unchecked Sendable`: every word is an atomic.
public final class Scoreboard: @unchecked Sendable {
    public enum Word: Int, CaseIterable {
        /// The seat's last commit that was begun, and the last for which `write` has returned.
        case started, returned
        /// The last commit of the seat that precedes a completed `sync` of any process.
        case synced
        /// The last generation of the built heap that was begun, and the last for which `build` has
        /// returned.
        case buildBegun, built
        /// The current activity of the process; see `Phase`.
        case phase
        /// 1 inside the body of a write transaction, 2 between its end and the return of `write`.
        case inside
        /// The longest wait for a write transaction to begin, in nanoseconds.
        case longestWait
        /// Counts of operations, by all processes that have occupied this seat.
        case openings, commits, views, snapshots, copies, checks, checkpoints, compactions, builds,
            closings
    }

    /// The activity of a process: where a kill hits it.
    public enum Phase: UInt64, CaseIterable, Sendable {
        case starting, opening, idle, writing, reading, snapshot, syncing, checkpointing,
            compacting, copying, checking, building,
            closing
    }

    public static let seats = 16
    private static let seatBytes = 256
    private static let byteCount = seats * seatBytes

    private let base: UnsafeMutableRawPointer

    public init(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0, ftruncate(descriptor, off_t(Self.byteCount)) == 0 else {
            throw ChildProcess.Failure(description: "no scoreboard at \(path) (error \(errno))")
        }
        defer { close(descriptor) }
        guard
            let address = mmap(
                nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            address != MAP_FAILED
        else {
            throw ChildProcess.Failure(
                description: "the scoreboard could not be mapped (error \(errno))")
        }
        base = address
    }

    deinit { munmap(base, Self.byteCount) }

    public subscript(seat: Int, word: Word) -> UInt64 {
        get { atomic(seat, word).pointee.load(ordering: .sequentiallyConsistent) }
        set { atomic(seat, word).pointee.store(newValue, ordering: .sequentiallyConsistent) }
    }

    private func atomic(_ seat: Int, _ word: Word) -> UnsafeMutablePointer<Atomic<UInt64>> {
        (base + seat * Self.seatBytes + word.rawValue * 8).assumingMemoryBound(
            to: Atomic<UInt64>.self)
    }

    /// Raises a word that several processes may write.
    public func raise(_ seat: Int, _ word: Word, to value: UInt64) {
        _ = atomic(seat, word).pointee.max(value, ordering: .sequentiallyConsistent)
    }

    public func all(_ word: Word) -> [UInt64] { (0 ..< Self.seats).map { self[$0, word] } }

    public func sum(_ word: Word) -> UInt64 { all(word).reduce(0, +) }

    public func phase(_ seat: Int) -> Phase { Phase(rawValue: self[seat, .phase]) ?? .starting }
}
