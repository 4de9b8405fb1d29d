// A weak reference is registered with its target object.
import Holdfast

final class Thing {}

// expected: stored property 'thing' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'Thing?'
struct Item: HeapStruct { weak var thing: Thing? }
