/// Which thread goes on, and when: everything that makes one run of several threads differ from
/// another. Steps are counted from the beginning of the run, over all threads.
struct Schedule: Hashable, CustomStringConvertible {
    struct Turn: Hashable {
        /// Before this step another thread goes on.
        var step: Int
        var thread: Int
        /// Whether the thread that would have taken the step dies.
        var isDeath = false
    }

    var turns: [Turn] = []
    /// How many turns took the step from a thread that could have gone on.
    var preemptions = 0

    /// As `init(_:)` takes it: `0:1 57:0 80x1`.
    var description: String {
        turns.map { "\($0.step)\($0.isDeath ? "x" : ":")\($0.thread)" }.joined(separator: " ")
    }

    init() {}

    /// Reads a description, to replay a run that was reported.
    init(_ text: String) {
        turns = text.split(separator: " ").map { turn in
            let parts = turn.split { $0 == ":" || $0 == "x" }.map { Int($0)! }
            return Turn(step: parts[0], thread: parts[1], isDeath: turn.contains("x"))
        }
    }

    func adding(_ turn: Turn, isFree: Bool) -> Schedule {
        var longer = self
        longer.turns.append(turn)
        if !isFree { longer.preemptions += 1 }
        return longer
    }
}
