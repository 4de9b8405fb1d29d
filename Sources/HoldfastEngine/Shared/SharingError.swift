import HoldfastFormat
import HoldfastSystem

/// Why an opening cannot use the shared file.
enum SharingError: SystemErrorConvertible {
    case system(SystemError)
    /// There is no shared file of this heap and this boot of the machine.
    case missing
    /// Those that use the file have another version of this library, which made this header.
    case otherVersion(SharedHeader)
    /// The boot of this process or of those that use it is unknown, so they cannot be compared.
    case unknownBoot
    /// Another opening has the heap for itself.
    case exclusive
    /// The file system does not keep mappings of one file equal.
    case incoherent
    /// All entries of the reader table are taken.
    case tooManyProcesses
}

extension SharingError {
    /// Whether the process lacks a permission.
    var isRefusal: Bool { if case .system(let error) = self { error.isRefusal } else { false } }
}
