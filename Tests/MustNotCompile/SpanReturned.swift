// A span is an address in the mapping: its lifetime ends with its closure.
import Holdfast

func use(_ array: PersistentArray<Int>) -> Int {
    // expected: instance method 'withSpan' requires that 'Span<Int>' conform to 'Escapable'
    let span: Span<Int> = array.withSpan { $0 }
    return span[0]
}
