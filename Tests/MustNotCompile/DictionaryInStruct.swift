// A Dictionary's entries are in this process's memory.
import Holdfast

// expected: stored property 'prices' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type '[Int : Double]'
struct Item: HeapStruct { var prices: [Int: Double] }
