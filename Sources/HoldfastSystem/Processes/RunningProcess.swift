/// A process, as its system names it.
public struct ProcessIdentity: Hashable, Sendable {
    public var number: Int32
    /// The PID namespace in which it has this number; 0 if unknown.
    public var namespace: UInt64

    public init(number: Int32, namespace: UInt64) {
        self.number = number
        self.namespace = namespace
    }
}

/// The process in which this code runs. A seam: tests can simulate others.
public protocol RunningProcess: Sendable {
    var identity: ProcessIdentity { get }
    /// The current boot of the machine.
    var boot: BootID { get }
}
