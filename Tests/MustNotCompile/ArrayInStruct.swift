// An Array's elements are in this process's memory.
import Holdfast

// expected: stored property 'numbers' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type '[Int]'
struct Item: HeapStruct { var numbers: [Int] }
