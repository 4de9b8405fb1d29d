/// Traps with a message if the program broke a rule of a call.
///
/// Not `precondition`: optimised builds drop its message, which is most useful without a debugger.
@inline(__always)
func demand(_ isTrue: Bool, _ sentence: @autoclosure () -> String) {
    if !isTrue { misuse(sentence()) }
}

/// Traps with a message.
@inline(never)
func misuse(_ sentence: String) -> Never {
    fatalError("MemoryMapping: \(sentence)")
}
