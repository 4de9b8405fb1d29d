import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Writes a large text file in large pieces. For the generators of the examples.
package struct FileWriter: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let pieceBytes = 1 << 20

    /// Creates the file, which must not exist yet, or appends to it if `appending` is true.
    package init(_ path: String, appending: Bool = false) throws(Problem) {
        self.path = path
        let flags = O_WRONLY | O_CLOEXEC | (appending ? O_APPEND : O_CREAT | O_EXCL)
        descriptor = PathBytes.withCString(path) { open($0, flags, 0o644) }
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? Problem("\(path) is there already; remove it, or choose another name")
                : Self.failure(path)
        }
        buffer.reserveCapacity(Self.pieceBytes + 4096)
    }

    deinit { close(descriptor) }

    package mutating func write(_ text: String) throws(Problem) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.pieceBytes { try flush() }
    }

    /// Writes the remaining data to the file.
    package mutating func flush() throws(Problem) {
        var done = 0
        while done < buffer.count {
            let count = writeBytes(descriptor, buffer[done...])
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure(path) }
            done += count
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failure(_ path: String) -> Problem {
        Problem("could not write \(path): \(String(cString: strerror(errno)))")
    }
}

// Outside of the type, whose own `write` would hide the system's.
private func writeBytes(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
