import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A process, told apart from a later one that got the same number by the time of its start.
public struct ProcessIdentity: Hashable, Sendable {
    public var number: Int32
    /// In the system's own units; 0 if it could not be found out.
    public var startTime: UInt64

    public init(number: Int32, startTime: UInt64) {
        self.number = number
        self.startTime = startTime
    }
}

/// Who runs on this machine: a seam, so that tests can let processes die that never were.
public protocol ProcessDirectory: Sendable {
    var current: ProcessIdentity { get }
    /// Whether the process still runs. Errs on the side of life where it cannot be known.
    func isAlive(_ process: ProcessIdentity) -> Bool
    /// The time since which this machine has been up without a break: memory that was mapped before is gone.
    var boot: HeapIdentity { get }
}

/// The operating system's processes. Containers that share a heap must share the process numbers too (one PID namespace).
public struct SystemProcesses: ProcessDirectory {
    public static let shared = SystemProcesses()

    public var current: ProcessIdentity {
        let number = getpid()
        return ProcessIdentity(number: number, startTime: Self.startTime(of: number) ?? 0)
    }

    public func isAlive(_ process: ProcessIdentity) -> Bool {
        guard process.number > 0 else { return false }
        if kill(process.number, 0) != 0, errno == ESRCH { return false }
        guard process.startTime != 0, let startTime = Self.startTime(of: process.number) else { return true }
        return startTime == process.startTime
    }

    public var boot: HeapIdentity { Self.bootIdentity }

    private static let bootIdentity: HeapIdentity = {
        #if os(Linux)
            let digits = contents(of: "/proc/sys/kernel/random/boot_id").filter { $0 != UInt8(ascii: "-") }
            let text = String(decoding: digits.prefix(32), as: UTF8.self)
            if let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.dropFirst(16), radix: 16) {
                return HeapIdentity(high: high, low: low)
            }
        #else
            // The moment of the start, which a change of the clock moves: then a live log is taken for an old one and its sharers
            // are found by their locks. Untested: no Mac was at hand.
            var time = timeval()
            var size = MemoryLayout<timeval>.size
            if sysctlbyname("kern.boottime", &time, &size, nil, 0) == 0 {
                return HeapIdentity(high: UInt64(time.tv_sec), low: UInt64(time.tv_usec))
            }
        #endif
        // Not known: every boot is the same then, and the locks alone must tell.
        return HeapIdentity(high: 1, low: 1)
    }()

    private static func startTime(of number: Int32) -> UInt64? {
        #if os(Linux)
            // Field 22 of /proc/PID/stat, in clock ticks since the boot; the name in field 2 may hold anything but ends with ')'.
            let text = contents(of: "/proc/\(number)/stat")
            guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
            guard fields.count > 19 else { return nil }
            // A process that has ended and only waits for its parent to ask no longer holds anything.
            if fields[0].first == UInt8(ascii: "Z") || fields[0].first == UInt8(ascii: "X") { return 0 }
            return UInt64(String(decoding: fields[19], as: UTF8.self))
        #else
            var info = proc_bsdinfo()
            let size = Int32(MemoryLayout<proc_bsdinfo>.size)
            guard proc_pidinfo(number, PROC_PIDTBSDINFO, 0, &info, size) == size else { return nil }
            return info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec
        #endif
    }

    #if os(Linux)
        private static func contents(of path: String) -> [UInt8] {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return [] }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            return Array(bytes.prefix(max(count, 0)))
        }
    #endif
}
