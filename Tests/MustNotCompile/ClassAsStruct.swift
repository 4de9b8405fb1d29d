// An object is no struct: only its address would be kept.
import Holdfast

// expected: class cannot conform to 'BitwiseCopyable'
final class Thing: PersistableStruct {}
