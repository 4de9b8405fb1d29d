#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The memory available to this process and its cached file pages.
///
/// Thread safety: any thread may call anything.
public enum MemoryLimit {
    /// The memory of the machine in bytes, or the limit of the control group that the process was
    /// in on the first call, if that is less. Determined once.
    public static let bytes: Int = {
        let pages = Int(sysconf(Int32(_SC_PHYS_PAGES)))
        let (physical, overflows) = max(pages, 0).multipliedReportingOverflow(by: SystemPage.size)
        let machine = physical <= 0 || overflows ? Int.max : physical
        #if os(Linux)
            return min(
                machine,
                ofControlGroups(text(of: "/proc/self/cgroup"), in: "/sys/fs/cgroup", text(of:)))
        #else
            return machine
        #endif
    }()

    /// The lowest limit of the groups named in `membership`, the contents of `/proc/self/cgroup`,
    /// and of their ancestors; `Int.max` if none sets a limit. `root` is the mount point of control
    /// groups, and `read` returns the contents of a file.
    static func ofControlGroups(_ membership: String, in root: String, _ read: (String) -> String)
        -> Int
    {
        var least = Int.max
        for line in membership.split(separator: "\n") {
            // hierarchy:controllers:path; version 2 has no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let mount: String
            let file: String
            if fields[1].isEmpty {
                (mount, file) = (root, "memory.max")
            } else if fields[1].split(separator: ",").contains("memory") {
                (mount, file) = (root + "/memory", "memory.limit_in_bytes")
            } else {
                continue
            }
            // In a container the path may be that of the host, which is invisible; the mount is
            // then the group.
            var names = fields[2].split(separator: "/")
            while true {
                let folder = names.isEmpty ? mount : mount + "/" + names.joined(separator: "/")
                let limit = read(folder + "/" + file)
                if let limit = Int(limit.prefix { $0.isNumber }) { least = min(least, limit) }
                if names.popLast() == nil { break }
            }
        }
        return least
    }

    /// The contents of a small file as a string; empty if it cannot be read.
    private static func text(of path: String) -> String {
        guard case .success(let descriptor) = SystemCalls.open(path, writable: false) else {
            return ""
        }
        defer { SystemCalls.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        var count = 0
        unsafe bytes.withUnsafeMutableBytes { buffer in
            while count < buffer.count {
                #if canImport(Darwin)
                    let number = Darwin.read(
                        descriptor, buffer.baseAddress! + count, buffer.count - count)
                #elseif canImport(Glibc)
                    let number = unsafe Glibc.read(
                        descriptor, buffer.baseAddress! + count, buffer.count - count)
                #elseif canImport(Musl)
                    let number = Musl.read(
                        descriptor, buffer.baseAddress! + count, buffer.count - count)
                #endif
                guard number > 0 else { return }
                count += number
            }
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
