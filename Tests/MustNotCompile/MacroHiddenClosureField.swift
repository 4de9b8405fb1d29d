// Nor can a closure whose type has a name.
import Holdfast

typealias Callback = () -> Void

@Persistable struct Holder {
    // expected: this property cannot be stored in a heap, because its type is not Persistable
    var callback: Callback
}
