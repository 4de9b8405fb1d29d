#if os(Linux)
    import Foundation
    import TestSupport
    import Testing

    extension ProcessTests {
        /// Two containers with one volume: processes that cannot tell whether the others are alive
        /// do not share a heap.
        @Suite(.enabled(if: Unshared.isPossible, "skipped: needs root, and unshare"))
        struct NamespaceTests {
            private let workers: Workers

            init() throws { workers = try Workers() }

            private func start(_ way: Unshared) throws -> ChildProcess {
                try ChildProcess(
                    Unshared.executable, way.arguments, errors: workers.folder.file("errors"))
            }

            private func expectRefusal(_ answer: String) {
                #expect(
                    answer.hasPrefix("error ") && answer.contains("another PID or time namespace"),
                    "\(answer)")
            }

            @Test(arguments: [Unshared.numbers, .numbersWithoutProc, .time])
            func joinersAreRefused(way: Unshared) throws {
                let outside = try workers.open()
                for line in ["append 100", "checkpoint", "snapshot"] {
                    #expect(try outside.ask(line) == "ok")
                }
                let digest = try outside.ask("digest")
                let inside = try start(way)
                for mode in ["readWrite", "readOnly"] {
                    expectRefusal(try inside.ask("open \(workers.path) \(mode) timeout=500"))
                }
                #expect(try outside.ask("append") == "ok")
                #expect(try outside.ask("digest") == digest)
                #expect(try outside.ask("close") == "ok")
                // The snapshot is an opening of its own.
                expectRefusal(try inside.ask("open \(workers.path) readWrite timeout=500"))
                outside.destroy()
                // One after the other they may, even with the files left by the other.
                #expect(try inside.ask("open \(workers.path) readWrite timeout=500") == "ok")
                #expect(try inside.ask("append") == "ok")
                #expect(try inside.ask("count").hasPrefix("102 "))
                let late = try workers.start()
                expectRefusal(try late.ask("open \(workers.path) readWrite timeout=500"))
                #expect(try inside.ask("close") == "ok")
                #expect(try late.ask("open \(workers.path) readWrite") == "ok")
                #expect(try late.ask("close") == "ok")
            }

            /// Both have process ID 1 in their namespaces, and one holds the write lock: the other
            /// is not a program that waits for itself.
            @Test func bothAreNumberOne() throws {
                let first = try start(.numbers)
                #expect(try first.ask("open \(workers.path) readWrite") == "ok")
                #expect(try first.ask("hold") == "held")
                let second = try start(.numbers)
                expectRefusal(try second.ask("open \(workers.path) readWrite timeout=500"))
                #expect(try first.ask("keep") == "ok")
                #expect(try first.ask("count") == "1 1")
                #expect(try first.ask("close") == "ok")
                #expect(try second.ask("open \(workers.path) readWrite") == "ok")
                #expect(try second.ask("count") == "1 1")
            }

            /// Without `/proc` no process is known to be dead: the view of a living process stays
            /// protected.
            @Test func withoutProc() throws {
                let reader = try start(.noProc)
                #expect(try reader.ask("open \(workers.path) readWrite") == "ok")
                for line in ["append 100", "checkpoint", "snapshot"] {
                    #expect(try reader.ask(line) == "ok")
                }
                let digest = try reader.ask("digest")
                let writer = try start(.noProc)
                #expect(try writer.ask("open \(workers.path) readWrite") == "ok")
                for line in ["append", "checkpoint", "append", "checkpoint"] {
                    #expect(try writer.ask(line) == "ok")
                }
                #expect(try reader.ask("digest") == digest)
                let late = try workers.start()
                expectRefusal(try late.ask("open \(workers.path) readWrite timeout=500"))
                for process in [reader, writer] { #expect(try process.ask("close") == "ok") }
            }
        }

        /// A worker in namespaces apart from the test's own processes.
        enum Unshared: String, CaseIterable {
            case numbers, numbersWithoutProc, time, noProc

            static let executable = "/usr/bin/unshare"
            static let isPossible: Bool =
                geteuid() == 0
                && (try? ChildProcess(
                    executable, ["--pid", "--fork", "--mount-proc", "--time", "/bin/true"]))?
                    .waitForEnd()
                    == .exited(0)

            var arguments: [String] {
                let worker = [testWorker, "serve"]
                switch self {
                case .numbers: return ["--pid", "--fork", "--kill-child", "--mount-proc"] + worker
                // The other namespace's process IDs are in /proc.
                case .numbersWithoutProc: return ["--pid", "--fork", "--kill-child"] + worker
                case .time:
                    return ["--time", "--boottime", "100000", "--fork", "--kill-child"] + worker
                case .noProc:
                    return [
                        "--mount", "/bin/sh", "-c",
                        "mount -t tmpfs none /proc && exec \"$0\" serve", testWorker,
                    ]
                }
            }
        }
    }
#endif
