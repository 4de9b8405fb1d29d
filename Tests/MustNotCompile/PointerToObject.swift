// The target of a relative pointer is in the file, so it must be plain bytes.
import Holdfast

final class Thing {}

// expected: type 'Thing' does not conform to protocol 'BitwiseCopyable'
func use(_ pointer: RelativePointer<Thing>) {}
