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
/// Numbers and start times mean something only within one PID namespace and one time namespace, so
/// processes of others are refused when they open a heap that is in use
/// (`HeapError.otherNamespace`). Where `/proc` does not tell of a process (not mounted, `hidepid`,
/// that of another namespace), it is taken to live as long as anyone has its number; and where not
/// even the namespaces are known, everyone is.
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
        if kill(process.number, 0) != 0, errno == ESRCH { return false }
        guard let state = Self.state(of: process.number) else { return true }
        func agree(_ one: UInt64, _ other: UInt64) -> Bool {
            one == 0 || other == 0 || one == other
        }
        return !state.hasEnded && agree(process.startTime, state.startTime)
            && agree(process.program, state.program)
    }

    public var boot: HeapIdentity { Self.bootIdentity }

    private static let bootIdentity: HeapIdentity = {
        #if os(Linux)
            let digits = contents(of: "/proc/sys/kernel/random/boot_id").filter {
                $0 != UInt8(ascii: "-")
            }
            let text = String(decoding: digits.prefix(32), as: UTF8.self)
            if let high = UInt64(text.prefix(16), radix: 16),
                let low = UInt64(text.dropFirst(16), radix: 16)
            {
                return HeapIdentity(high: high, low: low)
            }
        #else
            // The moment of the start, which a change of the clock moves: then a live log is taken
            // for an old one and its sharers are found by their locks. Untested: no Mac was at
            // hand.
            var time = timeval()
            var size = MemoryLayout<timeval>.size
            if sysctlbyname("kern.boottime", &time, &size, nil, 0) == 0 {
                return HeapIdentity(high: UInt64(time.tv_sec), low: UInt64(time.tv_usec))
            }
        #endif
        // Not known: every boot is the same then, and the locks alone must tell.
        return unknownBoot
    }()

    /// Asked each time: a forked child may be in another namespace than its parent.
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

    /// What the system tells of a process.
    private struct State {
        var hasEnded = false
        /// 0 if it is not told.
        var startTime: UInt64 = 0
        var program: UInt64 = 0
    }

    /// Nil if nothing can be found out.
    private static func state(of number: Int32) -> State? {
        #if os(Linux)
            guard isProcOurs else { return nil }
            // In clock ticks since the boot, field 22 of /proc/PID/stat; the name in field 2 may
            // hold anything but ends with ')'.
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
            // A process that has ended and only waits for its parent to ask no longer holds
            // anything. It looks the same when only its main thread has ended, but then it has
            // others.
            let isOver =
                state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")
                || state == UInt8(ascii: "x")
            // Where the code and the stack begin. Not told to everyone, and not without a main
            // thread: then the latter is 0.
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
        /// Whether the numbers in `/proc` are those of this process's namespace.
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
