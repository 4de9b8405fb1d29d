// A closure cannot be stored. The macro sees it in the source.
import Holdfast

@Persistable struct Task {
    var name: String
    // expected: 'action' is a function, which cannot be stored
    var action: () -> Void
}
