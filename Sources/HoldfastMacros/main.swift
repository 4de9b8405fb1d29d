import HoldfastMacroExpansion

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// The compiler starts this program and sends it messages through standard input: eight bytes of
// length, little endian, and as many bytes of JSON. The answers go to standard output in the same
// form. The end of the input ends the program.

/// No message of the compiler comes near it. It keeps a wrong length from taking all memory.
let longestMessage = 1 << 28

func receive(_ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let number = unsafe bytes.withUnsafeMutableBytes {
            unsafe read(STDIN_FILENO, $0.baseAddress! + filled, count - filled)
        }
        if number < 0, errno == EINTR { continue }
        guard number > 0 else { return nil }
        filled += number
    }
    return bytes
}

func send(_ message: [UInt8]) -> Bool {
    let bytes = unsafe withUnsafeBytes(of: UInt64(message.count).littleEndian, Array.init) + message
    var sent = 0
    while sent < bytes.count {
        let number = unsafe bytes.withUnsafeBytes {
            unsafe write(STDOUT_FILENO, $0.baseAddress! + sent, bytes.count - sent)
        }
        if number < 0, errno == EINTR { continue }
        guard number > 0 else { return false }
        sent += number
    }
    return true
}

while let header = receive(8) {
    let length = header.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    guard let count = Int(exactly: length), count <= longestMessage, let message = receive(count),
        send(PluginMessages.answer(to: message))
    else { exit(1) }
}
