import HoldfastSystem

/// Why an opening cannot use the shared file.
enum SharingError: SystemErrorConvertible {
    case system(SystemError)
    /// There is no shared file of this heap and this boot of the machine.
    case missing
    /// The processes that use it belong to another namespace; from here it is unknown whether they
    /// are alive.
    case otherNamespace
    /// All entries of the reader table are taken.
    case tooManyProcesses
}

extension SharingError {
    /// Whether the process lacks a permission.
    var isRefusal: Bool { if case .system(let error) = self { error.isRefusal } else { false } }
}
