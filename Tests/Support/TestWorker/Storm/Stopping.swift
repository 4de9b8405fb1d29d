import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Watches the standard input on a thread of its own. A line asks this process to finish; the end
/// of the input, when the test is gone, ends it at once.
enum Stopping {
    private static let wanted = Atomic<Bool>(false)

    static var isWanted: Bool { wanted.load(ordering: .relaxed) }

    static func watch() {
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let result = pthread_create(
            &thread, nil,
            { _ in
                var byte: UInt8 = 0
                while true {
                    let count = read(0, &byte, 1)
                    if count < 0, errno == EINTR { continue }
                    if count <= 0 { _exit(9) }
                    Stopping.wanted.store(true, ordering: .relaxed)
                }
            }, nil)
        guard result == 0 else { fatalError("no thread (error \(result))") }
    }
}

/// Nanoseconds of the monotonic clock.
func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
