// Properties that are no roots.
import Holdfast

final class Thing {}

@HeapSchema struct Shop {
    // expected: a root is declared with 'var'
    let stock: PersistentMap<String, Int>
    // expected: a root that is no collection needs an initial value
    var count: Int
    // expected: this root cannot be stored in a heap, because its type is not Persistable
    var thing: Thing = Thing()
}
