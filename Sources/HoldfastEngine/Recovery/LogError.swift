import HoldfastSystem

/// Why the log beside a heap cannot be read.
enum LogError: SystemErrorConvertible {
    case system(SystemError)
    case missing
    /// The log belongs to another heap, or to another state of this heap.
    case foreign
    /// A newer version of Holdfast has made the log.
    case newerFormat(UInt32)
}
