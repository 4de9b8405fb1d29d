import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A program that a test has started, with its input and output lines and its end.
///
/// Only this object holds the other end of the program's standard input, so that the program ends
/// by itself when the test does, for whatever reason. It is killed when the object is deallocated.
final class RunningProgram {
    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    struct Silence: Error, CustomStringConvertible {
        let description: String
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffered = Data()

    /// Starts `executable`. Its standard error is appended to the file `errors`.
    init(_ executable: String, _ arguments: [String], errors: String) throws {
        // Writing to an ended program must be an error of `send`, not the end of the test.
        signal(SIGPIPE, SIG_IGN)
        if !FileManager.default.fileExists(atPath: errors) {
            try Data().write(to: URL(filePath: errors))
        }
        let errorFile = try FileHandle(forWritingTo: URL(filePath: errors))
        defer { try? errorFile.close() }
        try errorFile.seekToEnd()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "SWIFT_BACKTRACE": "enable=no"
        ]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errorFile
        try process.run()
    }

    deinit { if process.isRunning { destroy() } }

    // MARK: The end

    /// Returns how the program ended, or nil if it is still running.
    func poll() -> End? {
        guard !process.isRunning else { return nil }
        return process.terminationReason == .exit
            ? .exited(process.terminationStatus) : .signalled(process.terminationStatus)
    }

    /// Waits until the program has ended.
    @discardableResult
    func waitForEnd() -> End {
        process.waitUntilExit()
        return poll()!
    }

    /// Kills the program if it is still running, and waits until it has ended.
    @discardableResult
    func destroy() -> End {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        return waitForEnd()
    }

    // MARK: Lines

    func send(_ line: String) {
        try? input.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
    }

    func closeInput() { try? input.fileHandleForWriting.close() }

    /// Returns the next line. Throws if the program ends or prints nothing for two minutes.
    func readLine() throws -> String {
        if let line = readLine(within: .seconds(120)) { return line }
        let state = poll().map { "\($0)" } ?? "it still runs"
        throw Silence(description: "\(process.processIdentifier) said nothing more (\(state))")
    }

    /// Returns the next line, or nil after the timeout.
    func readLine(within timeout: Duration) -> String? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffered.removeSubrange(...end) }
                return String(decoding: buffered[..<end], as: UTF8.self)
            }
            guard hasMore(until: deadline) else { return nil }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { return nil }
            buffered.append(more)
        }
    }

    /// Returns whether there is input to read, which includes the end of the output.
    private func hasMore(until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = max(ContinuousClock.now.duration(to: deadline), .zero)
            let milliseconds = Int32(left / .milliseconds(1))
            var request = pollfd(
                fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            let ready = pollOne(&request, milliseconds)
            if ready < 0, errno == EINTR { continue }
            return ready > 0
        }
    }
}

// Outside of the type, whose own `poll` would hide the system's.
private func pollOne(_ request: inout pollfd, _ milliseconds: Int32) -> Int32 {
    poll(&request, 1, milliseconds)
}
