/// How much of its past an archive keeps. What is older is folded into a base.
///
/// Without any limit everything is kept; with both, what either of them keeps.
public struct Retention: Equatable, Sendable {
    /// Every moment is kept that is not older than this. A moment is the last checkpoint at it.
    public var age: Duration?
    /// The moments in the last so many segments are kept.
    public var segments: Int?

    public init(age: Duration? = nil, segments: Int? = nil) {
        self.age = age
        self.segments = segments
    }
}
