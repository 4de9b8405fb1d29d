// A handle's type includes that of its elements.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        var numbers = try tx.array("numbers", of: Int.self)
        // expected: cannot assign value of type 'PersistentArray<Double>' to type 'PersistentArray<Int>'
        numbers = try tx.array("weights", of: Double.self)
        _ = numbers
    }
}
