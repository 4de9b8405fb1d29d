// An object that is visible to other threads cannot contain handles.
import Holdfast

final class Shelf: Sendable {
    // expected: stored property 'array' of 'Sendable'-conforming class 'Shelf' has non-Sendable type 'PersistentArray<Int>'
    let array: PersistentArray<Int>
    init(_ array: PersistentArray<Int>) { self.array = array }
}
