import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Another process that runs this same program with other arguments. It is killed when the object
/// is deallocated.
package final class Child {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffered = Data()

    package init(_ arguments: String...) throws {
        guard let program = Bundle.main.executableURL else {
            throw Problem("the system does not say where this program lies")
        }
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch {
            throw Problem("could not start \(program.path): \(error.localizedDescription)")
        }
    }

    deinit { if process.isRunning { destroy() } }

    package var number: Int32 { process.processIdentifier }
    package var isRunning: Bool { process.isRunning }

    /// Kills the process, and waits until it has ended.
    package func destroy() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Returns the next line of output. If the process ends instead, it has reported the reason on
    /// standard error.
    package func line() throws -> String {
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffered.removeSubrange(...end) }
                return String(decoding: buffered[..<end], as: UTF8.self)
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Problem("process \(number) has ended too early") }
            buffered.append(more)
        }
    }

    /// Lets the process end: closing its standard input tells it that it is no longer needed.
    package func dismiss() throws {
        try? input.fileHandleForWriting.close()
        try waitForEnd()
    }

    /// Waits until the process has ended.
    package func waitForEnd() throws {
        process.waitUntilExit()
        guard process.terminationStatus == 0, process.terminationReason == .exit else {
            throw Problem("process \(number) has failed")
        }
    }
}

/// For the child: whether the parent process still exists.
package enum Parent {
    /// The child's standard input is a pipe into which nothing is written. It becomes readable when
    /// its other end is closed, for whatever reason, and also if the parent has ended before this
    /// process could check.
    package static var isAlive: Bool {
        var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) == 0
    }

    /// Ends this process if its parent has ended.
    package static func require() { if !isAlive { exit(1) } }
}
