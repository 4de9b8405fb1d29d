import HoldfastSystem

/// The reason why nothing more can be written to the standard output or to a file.
package enum OutputError: Error, Equatable, CustomStringConvertible {
    /// The reader has closed the pipe, as `head` does, so there is no one to notify.
    case closedPipe
    /// The system's error.
    case failed(name: String, Errno)

    package var description: String {
        switch self {
        case .closedPipe: "The reader of the output has closed it."
        case .failed(let name, .noSpace):
            "The disk is full: \(name) could not be written. Free some space, or write it "
                + "elsewhere."
        case .failed(let name, .fileTooLarge):
            "\(name) could not be written: a limit for the size of files was reached. Raise the "
                + "limit (ulimit -f), or write less."
        case .failed(let name, .fileExists):
            "A file already exists at \(name), and it was not changed. Choose another name."
        case .failed(let name, .badFileDescriptor):
            "\(name) is closed. Redirect it to a file or a terminal."
        case .failed(let name, let errno):
            "\(name) could not be written: \(errno) (error \(errno.rawValue)). Check its "
                + "destination, and try again."
        }
    }
}

/// Buffered output of strings to a file descriptor.
///
/// No error is lost: it is thrown by the write that causes it, or by `flush`, which must be called
/// at the end. Not thread-safe.
package final class Output {
    package let traits: TerminalTraits
    private let descriptor: FileDescriptor
    private let name: String
    private var buffer: [UInt8] = []
    private static let bufferBytes = 1 << 16

    package init(descriptor: FileDescriptor, name: String) {
        self.descriptor = descriptor
        self.name = name
        traits = TerminalTraits(descriptor: descriptor)
    }

    package static func standardOutput() -> Output {
        Output(descriptor: .standardOutput, name: "The standard output")
    }
    package static func standardError() -> Output {
        Output(descriptor: .standardError, name: "The standard error")
    }

    /// The painter for this output, which paints only on a terminal.
    package var painter: Painter { Painter(isOn: traits.hasColour) }

    package func write(_ text: String) throws(OutputError) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    package func writeLine(_ line: String = "") throws(OutputError) {
        try write(line)
        try write("\n")
    }

    /// Writes everything that is buffered.
    package func flush() throws(OutputError) {
        var done = 0
        defer { buffer.removeAll(keepingCapacity: true) }
        while done < buffer.count {
            let written = unsafe buffer.withUnsafeBytes { bytes -> Result<Int, Errno> in
                do throws(Errno) {
                    let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
                    return unsafe .success(try descriptor.write(rest))
                } catch { return .failure(error) }
            }
            switch written {
            case .success(0): throw .failed(name: name, .noSpace)
            case .success(let count): done += count
            case .failure(.interrupted): continue
            case .failure(.resourceTemporarilyUnavailable):
                // Another process has made the terminal or pipe non-blocking.
                descriptor.waitToWrite(milliseconds: 1000)
            case .failure(.brokenPipe): throw .closedPipe
            case .failure(let errno): throw .failed(name: name, errno)
            }
        }
    }
}
