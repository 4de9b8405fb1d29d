// A String's characters may be in this process's memory; use a PersistableRecord.
import Holdfast

// expected: stored property 'name' of 'BitwiseCopyable'-conforming struct 'Item' has non-bitwise-copyable type 'String'
struct Item: PersistableStruct { var name: String }
