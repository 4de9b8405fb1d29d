import Holdfast
import HoldfastEngine

/// A value in one of the two heaps: its place, and how its type is read.
struct ComparedValue {
    let form: LineForm
    let place: UInt64

    init(_ form: LineForm, _ place: UInt64) {
        self.form = form
        self.place = place
    }
}

/// A part of the values that are compared; nil in the heap that does not have it.
struct ComparedPart {
    let step: Trail.Step
    let old: ComparedValue?
    let new: ComparedValue?
    /// Whether the part is an element of a set: all of it is in its step.
    let isMember: Bool

    init(
        _ step: Trail.Step, _ old: ComparedValue?, _ new: ComparedValue?, isMember: Bool = false
    ) {
        self.step = step
        self.old = old
        self.new = new
        self.isMember = isMember
    }
}

/// The comparison of two values with parts, or the parts of one value alone: a list of what is to
/// be compared next, so that the depth of the data is not the depth of a recursion.
protocol PartComparison: AnyObject {
    /// Returns the next part; nil at the end.
    func next() throws -> ComparedPart?
}

/// The comparison of a few parts that are known at once: of a record, a struct or a payload.
final class FixedComparison: PartComparison {
    private let parts: [ComparedPart]
    private var done = 0

    init(_ parts: [ComparedPart]) { self.parts = parts }

    func next() -> ComparedPart? {
        guard done < parts.count else { return nil }
        done += 1
        return parts[done - 1]
    }
}
