// A schema is a struct.
import Holdfast

// expected: @HeapSchema is for structs
@HeapSchema final class Shop {
    var stock: PersistentMap<String, Int>
    init(_ stock: PersistentMap<String, Int>) { self.stock = stock }
}
