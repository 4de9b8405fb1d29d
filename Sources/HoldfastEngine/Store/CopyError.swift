import HoldfastSystem

/// Why a heap could not be copied.
enum CopyError: SystemErrorConvertible {
    case system(SystemError)
    /// The page map contradicts itself.
    case brokenPageMap
    /// A byte of the heap could not be read.
    case fault
    case cancelled
}
