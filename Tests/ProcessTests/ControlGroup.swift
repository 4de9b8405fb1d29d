#if os(Linux)
    import Foundation
    import TestSupport

    /// A control group whose processes together can have no more memory than its limit.
    final class ControlGroup {
        private let folder: String

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
                // Where the folder is a group, its files are there.
                let limit = open("\(name)/\(file)", O_WRONLY)
                let text = "\(megabytes << 20)"
                let isSet = limit >= 0 && write(limit, text, text.utf8.count) == text.utf8.count
                if limit >= 0 { close(limit) }
                guard isSet else {
                    rmdir(name)
                    continue
                }
                folder = name
                return
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
