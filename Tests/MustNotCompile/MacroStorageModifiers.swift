// Weak, unowned and lazy properties, and property wrappers.
import Holdfast

final class Thing {}

@propertyWrapper struct Clamped { var wrappedValue: Int }

@Persistable struct Holder {
    // expected: 'parent' refers to an object
    weak var parent: Thing?
    // expected: 'owner' refers to an object
    unowned let owner: Thing
    // expected: 'total' is lazy
    lazy var total = 3
    // expected: does not see what @Clamped makes of 'level'
    @Clamped var level = 3
}
