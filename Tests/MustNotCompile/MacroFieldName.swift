// The name of a field in the heap must be known to the macro.
import Holdfast

let name = "old"

@Persistable struct Holder {
    // expected: the name of a field must be written as one string
    @HeapField(name) var first: Int
    // expected: two fields have the name "first"
    @HeapField("first") var second: Int
}
