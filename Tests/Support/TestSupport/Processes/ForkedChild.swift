#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A child process that continues from here, with the calling thread and no other.
public enum ForkedChild {
    /// Swift hides `fork`, because the child has only one of its parent's threads; programs in C
    /// call it all the same. Returns zero in the child, as `fork` does.
    public static func begin() -> pid_t {
        typealias Fork = @convention(c) () -> pid_t
        let symbol = dlsym(UnsafeMutableRawPointer(bitPattern: 0), "fork")!
        return unsafeBitCast(symbol, to: Fork.self)()
    }

    /// Runs `body` in the child, which then exits immediately, and returns its result, the child's
    /// exit status.
    public static func run(_ body: () -> Int32) -> Int32 {
        let child = begin()
        if child == 0 { _exit(body()) }
        var status: Int32 = 0
        guard child > 0 else { return -1 }
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return -1 }
        }
        // A signal is reported above all exit statuses.
        return status & 0x7f == 0 ? status >> 8 & 0xff : 1000 + (status & 0x7f)
    }
}
