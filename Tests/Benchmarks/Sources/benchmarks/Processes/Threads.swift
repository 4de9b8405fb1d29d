#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

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
