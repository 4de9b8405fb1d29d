// A value of any type cannot be stored.
import Holdfast

@Persistable struct Holder {
    // expected: 'value' can hold values of any type, which cannot be stored
    var value: Any
    // expected: 'other' can hold values of any type, which cannot be stored
    var other: any Sendable
}
