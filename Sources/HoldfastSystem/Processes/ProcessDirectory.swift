/// A process. Its start time distinguishes it from a later process with the same ID, and `program`
/// from an earlier program that it has replaced with `exec`.
public struct ProcessIdentity: Hashable, Sendable {
    public var number: Int32
    /// In the system's own units; 0 if unknown.
    public var startTime: UInt64
    /// Derived from addresses that the system randomises for each program; 0 if unknown.
    public var program: UInt64

    public init(number: Int32, startTime: UInt64, program: UInt64 = 0) {
        self.number = number
        self.startTime = startTime
        self.program = program
    }
}

/// The processes of this machine. A seam: tests can simulate processes that die.
public protocol ProcessDirectory: Sendable {
    var current: ProcessIdentity { get }
    /// Whether the process still runs. True if that is unknown.
    func isAlive(_ process: ProcessIdentity) -> Bool
    /// The current boot of the machine.
    var boot: BootID { get }
    /// The namespaces of process IDs and start times: only processes with the same value can tell
    /// whether the others are alive. 0: unknown.
    var namespaces: UInt64 { get }
}

extension ProcessDirectory {
    /// The default, for directories with a single namespace.
    public var namespaces: UInt64 { 1 }
}
