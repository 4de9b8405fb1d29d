// What a relative pointer leads to lies in the file, so it must be plain bytes.
import Holdfast

final class Thing {}

// expected: type 'Thing' does not conform to protocol 'BitwiseCopyable'
func use(_ pointer: RelativePointer<Thing>) {}
