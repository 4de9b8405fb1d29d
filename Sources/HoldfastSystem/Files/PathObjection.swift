/// A reason why no file can be made at a path.
public enum PathObjection: Equatable, Sendable {
    case isEmpty
    /// The path contains a zero byte, where C would see its end.
    case hasZero
    /// The folder of the path does not exist.
    case noFolder
    /// A part of the path that should be a folder is a file.
    case notAFolder
    /// The bytes of the name, with the longest suffix, and the limit.
    case nameTooLong(bytes: Int, limit: Int)
    /// The bytes of the path, with the longest suffix, and the limit.
    case pathTooLong(bytes: Int, limit: Int)

    /// The objection that the string itself shows, without a call to the system.
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
