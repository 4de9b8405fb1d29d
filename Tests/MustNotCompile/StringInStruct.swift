// A String's characters may lie in this process's memory; a PersistableRecord takes one.
import Holdfast

// expected: stored property 'name' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'String'
struct Item: PersistableStruct { var name: String }
