#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A control group of Linux, whose processes together can have no more memory than its limit, the
/// cached pages of their files included. Making one needs root.
final class MemoryGroup {
    let folder: String

    static let isPossible: Bool = (try? MemoryGroup(bytes: 64 << 20)) != nil

    init(bytes: Int) throws {
        // Version 2 has one hierarchy, version 1 one for memory.
        for (mount, file) in [
            ("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ] {
            let name = "\(mount)/holdfast-benchmark-\(getpid())"
            guard mkdir(name, 0o755) == 0 else { continue }
            if MemoryGroup.write("\(bytes)", to: "\(name)/\(file)") {
                folder = name
                return
            }
            rmdir(name)
        }
        throw WrongResult(description: "no control group with a memory limit can be made")
    }

    deinit {
        // The last process may still be on its way out.
        for _ in 0 ..< 1000 where rmdir(folder) != 0 && errno == EBUSY { usleep(10_000) }
    }

    /// Moves the calling process into the group at `folder`.
    static func enter(_ folder: String) throws {
        guard write("\(getpid())", to: folder + "/cgroup.procs") else {
            throw WrongResult(description: "cannot enter \(folder)")
        }
    }

    /// The file is there, or the folder is none of a group.
    private static func write(_ text: String, to path: String) -> Bool {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return put(text, descriptor)
    }

    private static func put(_ text: String, _ descriptor: Int32) -> Bool {
        text.withCString { bytes in
            #if canImport(Darwin)
                Darwin.write(descriptor, bytes, strlen(bytes)) > 0
            #elseif canImport(Musl)
                Musl.write(descriptor, bytes, strlen(bytes)) > 0
            #else
                Glibc.write(descriptor, bytes, strlen(bytes)) > 0
            #endif
        }
    }
}
