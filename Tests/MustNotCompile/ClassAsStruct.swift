// A class is not a struct: only its object's address would be stored.
import Holdfast

// expected: class cannot conform to 'BitwiseCopyable'
final class Thing: HeapStruct {}
