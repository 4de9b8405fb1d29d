/// A moment of a heap's history.
public enum RestorationMoment: Equatable, Sendable {
    /// The newest state in the archive.
    case newest
    /// The state after a commit, by its number.
    case commit(UInt64)
    /// The last checkpoint at or before this time, in seconds since 1970.
    case time(UInt64)
}
