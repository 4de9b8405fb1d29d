#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Prints a line immediately, even to a pipe: the reader may act on it before this program has
/// ended.
package func say(_ text: String) { Output.standard.write(text + "\n") }

/// Prints a line for the user that is not part of the result.
package func remark(_ text: String) { Output.error.write(text + "\n") }

/// Standard output or standard error, without a buffer.
struct Output {
    let descriptor: Int32
    static let standard = Output(descriptor: 1)
    static let error = Output(descriptor: 2)

    /// Ends the process if the reader of its output has ended (`task-list list | head -1`). It ends
    /// silently, since this is not an error. It can end at any moment, since committed transactions
    /// stay and an uncommitted one leaves nothing behind.
    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = systemWrite(descriptor, rest)
                if count < 0 {
                    if errno == EINTR { continue }
                    if errno != EPIPE, descriptor == 1 {
                        Output.error.write(
                            "standard output cannot be written: "
                                + "\(String(cString: strerror(errno)))\n"
                        )
                    }
                    exit(errno == EPIPE ? 0 : 1)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

// Outside of the type, whose own `write` would hide the system's.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
