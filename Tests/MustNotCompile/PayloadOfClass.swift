// The payload of a union's case must be Persistable.
import Holdfast

final class Thing {}

enum Choice: HeapUnion {
    case thing(Thing)

    static let cases = [
        // expected: conform to 'Persistable'
        UnionCase("thing", Choice.thing) { if case .thing(let thing) = $0 { thing } else { nil } }
    ]
}
