#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The process in which this code runs, as the operating system reports it.
public struct SystemProcess: RunningProcess {
    public static let shared = SystemProcess()

    /// Not cached: a forked child has another ID than its parent, and may be in another namespace.
    public var identity: ProcessIdentity {
        var namespace: UInt64 = 0
        #if os(Linux)
            var status = stat()
            if unsafe stat("/proc/self/ns/pid", &status) == 0 { namespace = UInt64(status.st_ino) }
        #endif
        return ProcessIdentity(number: getpid(), namespace: namespace)
    }

    public var boot: BootID { Self.bootID }

    private static let bootID: BootID = {
        #if os(Linux)
            let digits = contents(of: "/proc/sys/kernel/random/boot_id").filter {
                $0 != UInt8(ascii: "-")
            }
            let text = String(decoding: digits.prefix(32), as: UTF8.self)
            if let high = UInt64(text.prefix(16), radix: 16),
                let low = UInt64(text.dropFirst(16), radix: 16)
            {
                return BootID(high: high, low: low)
            }
        #else
            // The time of the boot, which a change of the clock moves: a live log then counts as
            // old, and its users are found by their locks. Untested on a Mac.
            var time = timeval()
            var size = MemoryLayout<timeval>.size
            if sysctlbyname("kern.boottime", &time, &size, nil, 0) == 0 {
                return BootID(high: UInt64(time.tv_sec), low: UInt64(time.tv_usec))
            }
        #endif
        // All boots then look the same, and only the locks distinguish them.
        return .unknown
    }()

    #if os(Linux)
        private static func contents(of path: String) -> [UInt8] {
            let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }
            return Array(bytes.prefix(max(count, 0)))
        }
    #endif
}
