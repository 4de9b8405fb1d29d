// An extension of a private nested type is not possible.
import Holdfast

enum Outer {
    // expected: cannot see a private nested type
    @Persistable private struct Inner { var number: Int }
}
