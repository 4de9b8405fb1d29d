// An object's address is meaningless in another process.
import Holdfast

final class Thing {}

// expected: stored property 'thing' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'Thing'
struct Item: HeapStruct { var number: Int; var thing: Thing }
