// All fields of a plain struct must be plain.
import Holdfast

@Persistable(.plain) struct Entry {
    var number: Int
    // expected: has non-bitwise-copyable type 'String'
    var name: String
}
