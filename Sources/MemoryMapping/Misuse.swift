/// Ends the process with a sentence if the program broke a rule of a call.
///
/// Not `precondition`: optimised builds drop its message, and the sentence is worth most where no
/// debugger is.
@inline(__always)
func demand(_ isTrue: Bool, _ sentence: @autoclosure () -> String) {
    if !isTrue { misuse(sentence()) }
}

/// Ends the process with a sentence.
@inline(never)
func misuse(_ sentence: String) -> Never {
    fatalError("MemoryMapping: \(sentence)")
}
