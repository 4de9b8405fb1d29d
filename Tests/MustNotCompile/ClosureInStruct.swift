// A closure consists of code and captured objects of one process.
import Holdfast

// expected: stored property 'action' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type '() -> Void'
struct Item: HeapStruct { var number: Int; var action: () -> Void }
