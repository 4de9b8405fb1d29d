/// The end of the log in the form that commits use. Through the objects themselves, each commit
/// would count references a dozen times, which took a tenth of the time of a small one.
///
/// Safety: both objects outlive this: `JoinedLog` keeps the ring beside it, and `Participation` the
/// shared memory. Used under the write lock.
struct LogTail {
    private let shared: Unmanaged<SharedMemory>
    private let ring: Unmanaged<RingMapping>
    private let capacity: UInt64
    let epoch: UInt64

    init(of log: RedoLog, in ring: RingMapping) {
        shared = .passUnretained(log.shared)
        self.ring = .passUnretained(ring)
        capacity = UInt64(ring.capacity)
        epoch = log.epoch
    }

    /// Whether the ring still has this capacity. It cannot change while this process has the write
    /// lock.
    @inline(__always)
    var isCurrent: Bool { shared._withUnsafeGuaranteedRef { $0[.capacity] } == capacity }

    /// Whether a record of up to `bytes` bytes can be appended without making room.
    @inline(__always)
    func hasRoom(for bytes: Int) -> Bool {
        shared._withUnsafeGuaranteedRef { $0[.published] &- $0[.checkpoint] &+ UInt64(bytes) }
            <= capacity
    }

    @inline(__always)
    func address(_ position: UInt64) -> UnsafeMutableRawPointer {
        ring._withUnsafeGuaranteedRef { $0.address(position) }
    }

    /// Call before a part of a record is written; see `Interleaving`.
    @inline(__always)
    func step(at position: UInt64, byteCount: Int) {
        ring._withUnsafeGuaranteedRef {
            $0.step(.changes, at: position, byteCount: byteCount)
        }
    }

    @inline(__always)
    var durablePosition: UInt64 { shared._withUnsafeGuaranteedRef { $0[.durable] } }

    /// Whether any store may have gone into memory that belongs to no file.
    @inline(__always)
    var hasFault: Bool {
        shared._withUnsafeGuaranteedRef { shared in
            ring._withUnsafeGuaranteedRef { shared.hasFault($0) }
        }
    }

    var path: String { shared._withUnsafeGuaranteedRef { $0.file.path } }

    /// Publishes all records below `position`, `commits` commits in total.
    @inline(__always)
    func publish(_ position: UInt64, commits: UInt64) {
        shared._withUnsafeGuaranteedRef {
            $0[.commits] = commits
            $0.signal.publish(position)
        }
    }
}
