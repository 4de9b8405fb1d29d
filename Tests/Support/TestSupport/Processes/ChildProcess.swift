#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A process started by a test: lines in, lines out, and every signal.
///
/// Its standard input is a pipe whose other end only this object holds, so that the process ends by
/// itself when the test does, even if the test crashes. Not `Foundation.Process`, which has no
/// concept of stopped processes and takes several times as long to start one.
public final class ChildProcess {
    public enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    public let number: pid_t
    /// The process that this one has started and waits for, if signals are meant for that one.
    public var representing: pid_t?
    private var isKilled = false
    private var input: Int32
    private let output: Int32
    private var buffered: [UInt8] = []
    /// How it ended; nil until that has been observed.
    public private(set) var end: End?
    private var guardian: ChildProcess?

    /// Starts `executable`; its standard error is appended to the file `errors`.
    public init(_ executable: String, _ arguments: [String], errors: String = "/dev/null") throws {
        let toChild = try Self.pipe()
        let fromChild = try Self.pipe()
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.reading, 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild.writing, 1)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        var strings = ([executable] + arguments).map { strdup($0) }
        var environment = Self.environment().map { strdup($0) }
        defer { for string in strings + environment { free(string) } }
        strings.append(nil)
        environment.append(nil)
        var number: pid_t = 0
        let result = posix_spawn(&number, executable, &actions, nil, strings, environment)
        close(toChild.reading)
        close(fromChild.writing)
        guard result == 0 else {
            close(toChild.writing)
            close(fromChild.reading)
            throw Failure(
                description: "could not start \(executable): \(String(cString: strerror(result)))")
        }
        self.number = number
        input = toChild.writing
        output = fromChild.reading
        // A child that is already dead must be an error of `send`, not the end of the test.
        signal(SIGPIPE, SIG_IGN)
    }

    deinit {
        if end == nil { destroy() }
        closeInput()
        close(output)
    }

    private static func environment() -> [String] {
        var all: [String] = []
        var next = environ
        while let entry = next.pointee {
            let text = String(cString: entry)
            if !text.hasPrefix("SWIFT_BACKTRACE=") { all.append(text) }
            next += 1
        }
        return all + ["SWIFT_BACKTRACE=enable=no"]
    }

    /// Both ends are closed in every process started later: only then does the child see the end of
    /// its input.
    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        let result = ends.withUnsafeMutableBufferPointer { makePipe($0.baseAddress!) }
        guard result == 0 else { throw Failure(description: "no pipe (error \(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    // MARK: Signals

    public func send(signal: Int32) {
        guard end == nil else { return }
        if signal == SIGKILL { isKilled = true }
        kill(representing ?? number, signal)
    }

    /// Kills it, and waits until it is gone.
    @discardableResult
    public func destroy() -> End {
        send(signal: SIGKILL)
        return waitForEnd()
    }

    /// Stops it at an arbitrary instruction, until `resume`. A guardian process kills it if the
    /// test itself is killed meanwhile, because a stopped process does not notice the end of its
    /// input.
    public func stop(guardedBy executable: String) throws {
        guardian = try ChildProcess(executable, ["guard", "\(number)"])
        send(signal: SIGSTOP)
        waitUntilStopped()
    }

    /// Waits for a process that stops itself.
    public func waitUntilStopped() {
        var status: Int32 = 0
        while waitpid(number, &status, WUNTRACED) < 0, errno == EINTR {}
        if status & 0xff != 0x7f { end = decode(status) }
    }

    public func resume() {
        send(signal: SIGCONT)
        guardian = nil
    }

    // MARK: The end

    private func decode(_ status: Int32) -> End {
        // `unshare` does not always end like its child.
        if representing != nil, isKilled { return .signalled(SIGKILL) }
        return status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    }

    /// Waits until it has ended.
    @discardableResult
    public func waitForEnd() -> End {
        if let end { return end }
        var status: Int32 = 0
        while waitpid(number, &status, 0) < 0, errno == EINTR {}
        let end = decode(status)
        self.end = end
        return end
    }

    /// How it ended; nil if it is still running.
    public func poll() -> End? {
        if let end { return end }
        var status: Int32 = 0
        guard waitpid(number, &status, WNOHANG) == number else { return nil }
        end = decode(status)
        return end
    }

    // MARK: Talking

    public func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    public func send(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(input, $0.baseAddress!, $0.count) }
    }

    /// Sends a line and returns the answer.
    public func ask(_ line: String) throws -> String {
        send(line)
        return try readLine()
    }

    /// The next line; an error if the process ends or is silent for two minutes.
    public func readLine() throws -> String {
        guard let line = readLine(within: .seconds(120)) else {
            throw Failure(
                description:
                    "process \(number) said nothing more "
                    + "(\(poll().map { "\($0)" } ?? "it still runs"))"
            )
        }
        return line
    }

    /// The next line; nil on a timeout.
    public func readLine(within timeout: Duration) -> String? {
        let deadline = ContinuousClock.now + timeout
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffered[..<end], as: UTF8.self)
                buffered.removeSubrange(...end)
                return line
            }
            let left = max(ContinuousClock.now.duration(to: deadline), .zero)
            let milliseconds = Int32(left / .milliseconds(1))
            var request = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let ready = Self.wait(&request, milliseconds)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &bytes, bytes.count)
            guard count > 0 else { return nil }
            buffered += bytes[..<count]
        }
    }

    private static func wait(_ request: inout pollfd, _ milliseconds: Int32) -> Int32 {
        #if canImport(Darwin)
            Darwin.poll(&request, 1, milliseconds)
        #elseif canImport(Musl)
            Musl.poll(&request, 1, milliseconds)
        #else
            Glibc.poll(&request, 1, milliseconds)
        #endif
    }
}

private func makePipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 { pipe(ends) }
