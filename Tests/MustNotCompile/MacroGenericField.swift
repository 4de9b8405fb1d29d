// A generic field's type must be known to be Persistable.
import Holdfast

@Persistable struct Box<Value> {
    // expected: this property cannot be stored in a heap, because its type is not Persistable
    var value: Value
}
