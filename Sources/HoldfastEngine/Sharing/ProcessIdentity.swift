import Synchronization

/// A process, told apart from a later one that got the same number by the time of its start, and
/// from an earlier program that it has replaced with `exec` by what each program begins with.
public struct ProcessIdentity: Hashable, Sendable {
    public var number: Int32
    /// In the system's own units; 0 if it could not be found out.
    public var startTime: UInt64
    /// Made of addresses that the system draws anew for each program; 0 if it could not be found
    /// out.
    public var program: UInt64

    public init(number: Int32, startTime: UInt64, program: UInt64 = 0) {
        self.number = number
        self.startTime = startTime
        self.program = program
    }
}

/// Who runs on this machine: a seam, so that tests can let processes die that never were.
public protocol ProcessDirectory: Sendable {
    var current: ProcessIdentity { get }
    /// Whether the process still runs. Errs on the side of life where it cannot be known.
    func isAlive(_ process: ProcessIdentity) -> Bool
    /// The time since which this machine has been up without a break: memory that was mapped before
    /// is gone.
    var boot: HeapIdentity { get }
    /// The namespaces that process numbers and start times belong to: only processes with the same
    /// value can tell of each other whether they live. 0: not known.
    var namespaces: UInt64 { get }
}

extension ProcessDirectory {
    /// Stands for a boot that cannot be found out.
    public static var unknownBoot: HeapIdentity { HeapIdentity(high: 0, low: 0) }

    /// For directories that have only one.
    public var namespaces: UInt64 { 1 }
}
