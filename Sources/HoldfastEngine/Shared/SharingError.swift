import HoldfastSystem

/// Why an opening cannot use the shared file.
enum SharingError: SystemErrorConvertible {
    case system(SystemError)
    /// There is no shared file of this heap and this boot of the machine.
    case missing
    /// The processes that use it belong to another namespace: whether they live cannot be told from
    /// here.
    case otherNamespace
    /// All entries of the table of views are taken.
    case tooManyProcesses
}

extension SharingError {
    /// Whether the process lacks a right.
    var isRefusal: Bool { if case .system(let error) = self { error.isRefusal } else { false } }
}
