// A span cannot be stored in a variable outside of its closure.
import Holdfast

func use(_ array: PersistentArray<Int>) {
    var kept = [0].span
    // expected: lifetime-dependent variable 'kept' escapes its scope
    array.withSpan { kept = $0 }
    _ = kept.count
}
