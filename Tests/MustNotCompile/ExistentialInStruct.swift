// The value of an `any` may be anywhere in memory, and its type is an address.
import Holdfast

protocol Shape {}

// expected: stored property 'shape' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'any Shape'
struct Item: HeapStruct { var shape: any Shape }
