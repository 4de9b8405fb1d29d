#if os(Linux)
    import Foundation
    import TestSupport

    /// A control group whose processes together can have no more memory than its limit.
    final class ControlGroup {
        private let folder: String
        private let limitFile: String

        /// Version 2 has one hierarchy, version 1 one for memory.
        private static let mounts = [
            ("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ]

        /// Whether groups can be made here.
        static let isPossible: Bool = (try? ControlGroup(megabytes: 64)) != nil

        init(megabytes: Int) throws {
            for (mount, file) in Self.mounts {
                let name = "\(mount)/holdfast-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
                guard mkdir(name, 0o755) == 0 else { continue }
                do {
                    try "\(megabytes << 20)".write(
                        toFile: "\(name)/\(file)", atomically: false, encoding: .utf8)
                    (folder, limitFile) = (name, file)
                    return
                } catch { rmdir(name) }
            }
            throw ChildProcess.Failure(description: "no control group can be made")
        }

        deinit {
            // The last process may still be on its way out.
            for _ in 0 ..< 1000 where rmdir(folder) != 0 && errno == EBUSY { usleep(10_000) }
        }

        /// Starts a worker in the group.
        func start(_ arguments: [String], errors: String) throws -> ChildProcess {
            try ChildProcess(
                "/bin/sh",
                ["-c", "echo $$ > \(folder)/cgroup.procs && exec \"$0\" \"$@\"", testWorker]
                    + arguments, errors: errors)
        }
    }
#endif
