import HoldfastSystem

/// What an opening of a heap has just done, and how long that took. See
/// `PersistentHeap.Options.metrics`.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum HeapEvent: Sendable, Equatable {
    /// A transaction was committed, as a log record of `bytes` bytes. The duration is that of the
    /// commit, without the transaction's closure.
    case commit(bytes: Int, duration: Duration)
    /// A call made all commits durable, or waited until another one had.
    case sync(duration: Duration)
    /// A checkpoint wrote `pages` pages of 4096 bytes to the heap file.
    case checkpoint(pages: Int, duration: Duration)
    /// A transaction that began applied `bytes` bytes of log, which other transactions had
    /// committed, to what this opening sees.
    case catchUp(bytes: Int, duration: Duration)
    /// A write transaction waited for others, of any process, to end.
    case wait(duration: Duration)
}

/// Reports events and their durations, if the program wants them. Without a closure, the clock is
/// not read.
struct EventReporter: Sendable {
    private let report: (@Sendable (HeapEvent) -> Void)?

    init(_ options: EngineOptions) { report = options.metrics }

    @inline(__always)
    var isActive: Bool { report != nil }

    /// The moment at which something begins; nil if nobody wants to know.
    @inline(__always)
    var start: UInt64? { report == nil ? nil : Deadline.now }

    /// Reports what began at `start`.
    @inline(__always)
    func end(_ start: UInt64?, _ event: (Duration) -> HeapEvent) {
        if let start, let report {
            report(event(.nanoseconds(Int64(clamping: Deadline.now &- start))))
        }
    }
}
