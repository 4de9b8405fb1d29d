#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// What another process says through its pipe, and hears.

/// That it is ready, or has come a step further.
func sendSign(_ pipe: Int32) {
    var byte: UInt8 = 1
    _ = write(pipe, &byte, 1)
}

func sendText(_ text: String, _ pipe: Int32) {
    _ = text.withCString { write(pipe, $0, strlen($0)) }
}

/// Waits for the next number of the process that started this one.
@discardableResult
func awaitMessage(_ input: Int32) -> UInt64 {
    var number: UInt64 = 0
    guard read(input, &number, 8) == 8 else { exitWithError("the other process has ended") }
    return number
}
