// The target of a relative pointer is in the file, so it must be plain bytes.
import Holdfast

// expected: type 'String' does not conform to protocol 'BitwiseCopyable'
func use(_ pointer: RelativePointer<String>) {}
