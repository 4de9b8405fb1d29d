import Holdfast

extension PersistentHeap {
    /// Returns a handle without the compiler's warning: for tests of the trap on its use.
    func writeAndKeep<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try write(body)
    }
}

struct Movement: HeapStruct, Equatable {
    var item: Int32
    var delta: Int64
    var weight: Double?
}

enum Colour: Int16, HeapEnum {
    case red = 4
    case green = 9
}
