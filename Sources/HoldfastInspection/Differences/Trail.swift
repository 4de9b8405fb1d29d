import Holdfast

/// The way from a root to the values that are compared at the moment.
///
/// Keys are written only if a change is reported, and once for all changes below them.
struct Trail {
    enum Step {
        case key(ComparedValue, ComparedSide)
        case index(Int)
        case field(String)
        case payload(String, Int)
        case record(Int)

        /// What parts at the same place of two values share; nil for entries.
        var name: String? {
            switch self {
            case .field(let name): name
            case .index(let index): "\(index)"
            case .payload(_, let number): "\(number)"
            case .key, .record: nil
            }
        }
    }

    /// A length of the trail, to which it can be cut back.
    struct Mark {
        fileprivate let count: Int
        fileprivate let start: Int
        fileprivate let references: Int
    }

    private var steps: [Step] = []
    /// The steps as parts of a path, as far as they have been written.
    private var parts: [HeapChange.Part] = []
    /// The first step that belongs to the path.
    private var start = 0
    /// The number of references that have been followed since then.
    private var references = 0
    /// A path over more references begins anew, at a record. Otherwise the paths of a long chain
    /// would be as long as the chain, and each of its records could have one.
    private static let mostReferences = 16

    var mark: Mark { Mark(count: steps.count, start: start, references: references) }

    mutating func cut(to mark: Mark) {
        steps.removeLast(steps.count - mark.count)
        parts.removeLast(max(0, parts.count - mark.count))
        (start, references) = (mark.start, mark.references)
    }

    mutating func append(_ step: Step) { steps.append(step) }

    /// Follows a reference to a record that only references lead to.
    mutating func follow(numberOfRecord: () -> Int) {
        references += 1
        if references > Self.mostReferences { restart(atRecord: numberOfRecord()) }
    }

    mutating func restart(atRecord number: Int) {
        (start, references) = (steps.count, 0)
        steps.append(.record(number))
    }

    /// The path. `write` returns the text of a key.
    mutating func path(
        _ write: (ComparedValue, ComparedSide) throws -> String
    ) rethrows -> [HeapChange.Part] {
        for step in steps[parts.count...] {
            let part: HeapChange.Part =
                switch step {
                case .key(let key, let side): .key(try write(key, side))
                case .index(let index): .index(index)
                case .field(let name): .field(name)
                case .payload(let name, let number): .payload(name, number)
                case .record(let number): .record(number)
                }
            parts.append(part)
        }
        return start == 0 ? parts : Array(parts[start...])
    }
}
