/// A process. Its start time tells it from a later process with the same number, and `program` from
/// an earlier program that it has replaced with `exec`.
public struct ProcessIdentity: Hashable, Sendable {
    public var number: Int32
    /// In the system's own units; 0 if unknown.
    public var startTime: UInt64
    /// Made of addresses that the system randomises for each program; 0 if unknown.
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
    /// Whether the process still runs. True where that is unknown.
    func isAlive(_ process: ProcessIdentity) -> Bool
    /// The current boot of the machine.
    var boot: BootID { get }
    /// The namespaces that process numbers and start times belong to: only processes with the same
    /// value can tell whether the others live. 0: unknown.
    var namespaces: UInt64 { get }
}

extension ProcessDirectory {
    /// For directories that have only one.
    public var namespaces: UInt64 { 1 }
}
