#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Why nothing more can be written to the standard output or to a file.
package enum OutputError: Error, Equatable, CustomStringConvertible {
    /// Whoever read the other end of the pipe has gone, as `head` does: there is nobody to tell.
    case closedPipe
    /// The system's error.
    case failed(name: String, code: Int32)

    package var description: String {
        switch self {
        case .closedPipe: "Nobody reads the output any more."
        case .failed(let name, ENOSPC):
            "The disk is full: \(name) could not be written. Free some space, or write it "
                + "elsewhere."
        case .failed(let name, EFBIG):
            "\(name) could not be written: a limit for the size of files was reached. Raise the "
                + "limit (ulimit -f), or write less."
        case .failed(let name, EEXIST):
            "There is another file at \(name) already, and it was left as it is. Name another one."
        case .failed(let name, EBADF):
            "\(name) is closed, so nothing can be written to it. Give it somewhere to go."
        case .failed(let name, let code):
            "\(name) could not be written: \(systemMessage(code)) (error \(code)). Check where it "
                + "goes, and try again."
        }
    }
}

/// Text that is written to a file descriptor, gathered so that many short lines are few system
/// calls.
///
/// Nothing is lost unnoticed: an error is thrown by the write that meets it or by `flush`, which
/// must be called at the end. One thread at a time.
package final class Output {
    package let traits: TerminalTraits
    private let descriptor: Int32
    private let name: String
    private var buffer: [UInt8] = []
    private static let bufferBytes = 1 << 16

    package init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
        traits = TerminalTraits(descriptor: descriptor)
    }

    package static func standardOutput() -> Output {
        Output(descriptor: 1, name: "The standard output")
    }
    package static func standardError() -> Output {
        Output(descriptor: 2, name: "The standard error output")
    }

    /// How to paint for this output: not at all unless it is a terminal.
    package var painter: Painter { Painter(isOn: traits.hasColour) }

    package func write(_ text: String) throws(OutputError) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    package func writeLine(_ line: String = "") throws(OutputError) {
        try write(line)
        try write("\n")
    }

    /// Hands everything to the system.
    package func flush() throws(OutputError) {
        var done = 0
        defer { buffer.removeAll(keepingCapacity: true) }
        while done < buffer.count {
            let count = buffer.withUnsafeBytes {
                systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: $0[done...]))
            }
            if count > 0 {
                done += count
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                // Someone has made the terminal or pipe non-blocking; it takes more in a moment.
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&request, 1, 1000)
            } else if count < 0, errno == EPIPE {
                throw .closedPipe
            } else {
                throw .failed(name: name, code: count == 0 ? ENOSPC : errno)
            }
        }
    }
}
