#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Another process of this program, and a pipe through which it says that it is ready or done, or
/// what it has found.
final class Partner {
    private var number: pid_t = 0
    private let output: Int32
    /// Where it reads what is sent to it, if it does.
    private var input: Int32 = -1

    /// A process that does one of the jobs in `Worker.swift`.
    convenience init(_ arguments: String...) throws { try self.init(job: "--worker", arguments) }

    init(
        job: String, _ arguments: [String], environment: [String: String] = [:], input: Bool = false
    ) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw WrongResult(description: "cannot make a pipe") }
        output = ends[0]
        // So that no later child keeps it open.
        _ = fcntl(output, F_SETFD, FD_CLOEXEC)
        defer { close(ends[1]) }
        var inputEnds: [Int32] = [-1, -1]
        defer { if input { close(inputEnds[0]) } }
        if input {
            guard pipe(&inputEnds) == 0 else {
                throw WrongResult(description: "cannot make a pipe")
            }
            self.input = inputEnds[1]
            _ = fcntl(inputEnds[1], F_SETFD, FD_CLOEXEC)
        }
        let numbers = (input ? ["\(inputEnds[0])"] : []) + ["\(ends[1])"]
        var words = (["benchmarks", job] + arguments + numbers).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var variables = environment.map { strdup("\($0.key)=\($0.value)") }
        defer { for variable in variables { free(variable) } }
        var inherited = environ
        while let variable = inherited.pointee {
            variables.append(strdup(variable))
            inherited += 1
        }
        #if os(Linux)
            let program = "/proc/self/exe"
        #else
            let program = CommandLine.arguments[0]
        #endif
        guard posix_spawn(&number, program, nil, nil, words, variables + [nil]) == 0 else {
            throw WrongResult(description: "cannot start another process")
        }
    }

    /// Waits for the partner's next sign; false if it has ended instead.
    func waitForSign() -> Bool {
        var byte: UInt8 = 0
        return read(output, &byte, 1) == 1
    }

    func requireSign() throws {
        if !waitForSign() { throw WrongResult(description: "the other process ended too early") }
    }

    /// A message to a partner with an input.
    func send(_ number: UInt64) {
        var number = number
        _ = write(input, &number, 8)
    }

    /// All that the partner writes until it ends.
    func readToEnd() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Its status, 0 if all went well.
    @discardableResult
    func waitForEnd() -> Int32 {
        var status: Int32 = 0
        if number > 0 { waitpid(number, &status, 0) }
        number = 0
        return status
    }

    deinit {
        close(output)
        if input >= 0 { close(input) }
        if number > 0 { kill(number, SIGKILL) }
        waitForEnd()
    }
}
