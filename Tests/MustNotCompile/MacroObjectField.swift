// A field's type must be Persistable, which a class is not; whether it says so or follows from the
// initial value.
import Holdfast

final class Thing {}

@Persistable struct Holder {
    var name: String
    // expected: this property cannot be stored in a heap, because its type is not Persistable
    var thing: Thing
    var other = Thing()
}
