// A String's characters may be in this process's memory; use a HeapRecord.
import Holdfast

// expected: stored property 'name' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'String'
struct Item: HeapStruct { var name: String }
