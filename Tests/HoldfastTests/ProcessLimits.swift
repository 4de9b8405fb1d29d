#if os(Linux)
    import Foundation
    import Glibc
    import TestSupport

    /// Limits of the process that a test runs in, set in child processes only.
    enum ProcessLimits {
        /// Bytes of addresses that this process uses now.
        static var addressBytes: Int {
            (Int(text(of: "/proc/self/statm").prefix { $0.isNumber }) ?? 0)
                * sysconf(Int32(_SC_PAGESIZE))
        }

        /// Bytes of private writable memory, as counted by the data limit.
        static var dataBytes: Int {
            let line =
                text(of: "/proc/self/status").split(separator: "\n").first {
                    $0.hasPrefix("VmData:")
                } ?? ""
            return (Int(line.filter { $0.isNumber }) ?? 0) << 10
        }

        private static func text(of path: String) -> String {
            guard let file = FileHandle(forReadingAtPath: path) else { return "" }
            return String(decoding: file.readDataToEndOfFile(), as: UTF8.self)
        }

        static func set(_ resource: __rlimit_resource, _ bytes: Int) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
            limit.rlim_cur = rlim_t(bytes)
            guard setrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else {
                fatalError("the limit could not be set")
            }
        }

        /// Limits the addresses to those in use and this many bytes more.
        static func allowAddresses(_ more: Int) { set(RLIMIT_AS, addressBytes + more) }

        /// Limits the data to that in use and this many bytes more.
        static func allowData(_ more: Int) { set(RLIMIT_DATA, dataBytes + more) }

        /// Raises the limit of open files to the system's maximum; returns it.
        static func allowFiles() -> Int {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return Int(min(limit.rlim_cur, 1 << 30))
        }

        /// Whether the address or thread sanitizer, which needs more addresses than a limit leaves,
        /// is built in.
        static var hasSanitizer: Bool {
            dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
        }
    }

    /// Runs `body` in a forked child process, which has the calling thread and no other.
    ///
    /// Dispatch keeps threads of its own that open files and allocate memory once a second, and
    /// that end the process where they cannot. A limit would meet them instead of the heap.
    func withoutOtherThreads(_ body: () throws -> Void) {
        let status = ForkedChild.run {
            do { try body() } catch { require(false, "\(error)") }
            return 0
        }
        require(status == 0, "the child process ended with status \(status)")
    }

    /// Ends a child process as failed; expectations are for the parent.
    func require(_ condition: Bool, _ message: String) {
        guard !condition else { return }
        fatalError(message)
    }
#endif
