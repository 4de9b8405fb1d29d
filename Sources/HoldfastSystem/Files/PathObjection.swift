/// A reason why no file can be created at a path.
public enum PathObjection: Equatable, Sendable {
    case isEmpty
    /// The path contains a zero byte, where a C string would end.
    case hasZero
    /// The folder of the path does not exist.
    case noFolder
    /// A part of the path that should be a folder is a file.
    case notAFolder
    /// The length of the name with the longest suffix, and the limit, in bytes.
    case nameTooLong(bytes: Int, limit: Int)
    /// The length of the path with the longest suffix, and the limit, in bytes.
    case pathTooLong(bytes: Int, limit: Int)

    /// The objection that is evident from the string itself, without a system call.
    public init?(toText path: String) {
        if path.isEmpty {
            self = .isEmpty
        } else if path.utf8.contains(0) {
            self = .hasZero
        } else {
            return nil
        }
    }
}
