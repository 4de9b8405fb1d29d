import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The operating system's processes.
///
/// Process IDs and start times have a meaning only within one PID namespace and one time namespace.
/// If `/proc` does not show a process (not mounted, `hidepid`, another namespace's `/proc`), the
/// process counts as alive as long as any process has its ID. If not even the namespaces are known,
/// every process counts as alive.
public struct SystemProcesses: ProcessDirectory {
    public static let shared = SystemProcesses()

    public var current: ProcessIdentity {
        let number = getpid()
        let state = Self.state(of: number)
        return ProcessIdentity(
            number: number, startTime: state?.startTime ?? 0, program: state?.program ?? 0)
    }

    public func isAlive(_ process: ProcessIdentity) -> Bool {
        guard process.number > 0 else { return false }
        guard namespaces != 0 else { return true }
        if kill(process.number, 0) != 0, Errno.current == .noSuchProcess { return false }
        guard let state = Self.state(of: process.number) else { return true }
        func agree(_ one: UInt64, _ other: UInt64) -> Bool {
            one == 0 || other == 0 || one == other
        }
        return !state.hasEnded && agree(process.startTime, state.startTime)
            && agree(process.program, state.program)
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

    /// Not cached: a forked child may be in another namespace than its parent.
    public var namespaces: UInt64 {
        #if os(Linux)
            if let numbers = Self.inode(of: "/proc/self/ns/pid") {
                return numbers | (Self.inode(of: "/proc/self/ns/time") ?? 0) << 32
            }
            // A kernel without PID namespaces has only one.
            return access("/proc/self/ns", F_OK) == 0 ? 1 : holdfast_namespaces()
        #else
            return 1
        #endif
    }

    /// The system's report about a process.
    private struct State {
        var hasEnded = false
        /// 0 if it is not reported.
        var startTime: UInt64 = 0
        var program: UInt64 = 0
    }

    /// Nil if the system reports nothing.
    private static func state(of number: Int32) -> State? {
        #if os(Linux)
            guard isProcOurs else { return nil }
            // In clock ticks since the boot, field 22 of /proc/PID/stat. The name in field 2 may
            // contain anything, and ends with ')'.
            let text = contents(of: "/proc/\(number)/stat")
            guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            let fields = text[(end + 1)...].split {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n")
            }
            func field(_ number: Int) -> UInt64 {
                number - 3 < fields.count
                    ? UInt64(String(decoding: fields[number - 3], as: UTF8.self)) ?? 0 : 0
            }
            guard let state = fields.first?.first else { return nil }
            // A zombie no longer holds anything. A process of which only the main thread has ended
            // looks the same, but has other threads.
            let isOver =
                state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
                || state == UInt8(ascii: "x")
            // The start of the code and of the stack. Not reported to every process, nor without a
            // main thread: then the latter is 0.
            let (code, stack) = (field(26), field(28))
            return State(
                hasEnded: isOver && field(20) <= 1, startTime: field(22),
                program: stack == 0 ? 0 : (code &* 0x9e37_79b9_7f4a_7c15) ^ stack | 1)
        #else
            var info = proc_bsdinfo()
            let size = Int32(MemoryLayout<proc_bsdinfo>.size)
            guard proc_pidinfo(number, PROC_PIDTBSDINFO, 0, &info, size) == size else { return nil }
            return State(startTime: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec)
        #endif
    }

    #if os(Linux)
        /// Whether the process IDs in `/proc` are those of this process's namespace.
        private static var isProcOurs: Bool {
            SystemDisk.linkTarget("/proc/self").flatMap { Int32($0) } == getpid()
        }

        private static func inode(of path: String) -> UInt64? {
            var status = stat()
            return stat(path, &status) == 0
                ? UInt64(UInt32(truncatingIfNeeded: status.st_ino)) : nil
        }

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
