#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Another process of this program, which does one of the jobs in `Worker.swift`, and a pipe through which it says that it is ready or done.
final class Partner {
    private var number: pid_t = 0
    private let output: Int32

    init(_ arguments: String...) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw WrongResult(description: "cannot make a pipe") }
        output = ends[0]
        defer { close(ends[1]) }
        var words = (["benchmarks", "--worker"] + arguments + ["\(ends[1])"]).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        #if os(Linux)
            let program = "/proc/self/exe"
        #else
            let program = CommandLine.arguments[0]
        #endif
        guard posix_spawn(&number, program, nil, nil, words, environ) == 0 else {
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

    func waitForEnd() {
        var status: Int32 = 0
        if number > 0 { waitpid(number, &status, 0) }
        number = 0
    }

    deinit {
        close(output)
        if number > 0 { kill(number, SIGKILL) }
        waitForEnd()
    }
}

/// Runs `body` in `count` threads at once and waits for all of them; returns whether none threw.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) -> Bool {
    final class Job: @unchecked Sendable {
        let index: Int
        let body: @Sendable (Int) throws -> Void
        var failed = false
        init(_ index: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
            self.index = index
            self.body = body
        }
        func run() { do { try body(index) } catch { failed = true } }
    }
    let jobs = (0 ..< count).map { Job($0, body) }
    #if canImport(Darwin)
        var threads = [pthread_t?](repeating: nil, count: count)
    #else
        var threads = [pthread_t](repeating: 0, count: count)
    #endif
    for index in 0 ..< count {
        let argument = Unmanaged.passUnretained(jobs[index]).toOpaque()
        let result = pthread_create(
            &threads[index], nil,
            { argument in
                #if canImport(Darwin)
                    Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().run()
                #else
                    Unmanaged<Job>.fromOpaque(argument!).takeUnretainedValue().run()
                #endif
                return nil
            }, argument)
        guard result == 0 else { fatalError("cannot start a thread") }
    }
    for thread in threads {
        #if canImport(Darwin)
            pthread_join(thread!, nil)
        #else
            pthread_join(thread, nil)
        #endif
    }
    return withExtendedLifetime(jobs) { !jobs.contains { $0.failed } }
}
