// The payload of a case must be Persistable.
import Holdfast

final class Thing {}

@Persistable enum Named {
    case number(Int)
    // expected: requires that 'Thing' conform to 'Persistable'
    case thing(Thing)
    // expected: requires that 'Thing' conform to 'Persistable'
    case things(Int, of: [Thing])
}

@Persistable enum Seen {
    // expected: value 1 of the case 'action' is a function, which cannot be stored
    case action(() -> Void)
    // expected: 'all' of the case 'many' can hold values of any type
    case many(all: [Any])
}
