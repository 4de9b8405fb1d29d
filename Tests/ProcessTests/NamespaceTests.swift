#if os(Linux)
    import Foundation
    import TestSupport
    import Testing

    extension ProcessTests {
        /// Containers with one volume: processes whose IDs mean nothing to each other share a heap.
        @Suite(.enabled(if: Unshared.isPossible, "skipped: needs root, and unshare"))
        struct NamespaceTests {
            private let workers: Workers

            init() throws { workers = try Workers() }

            private func start(_ way: Unshared) throws -> ChildProcess {
                try way.start(["serve"], errors: workers.folder.file("errors"))
            }

            private func open(_ way: Unshared, _ options: String = "") throws -> ChildProcess {
                let process = try start(way)
                #expect(try process.ask("open \(workers.path) readWrite \(options)") == "ok")
                return process
            }

            private func snapshot(_ process: ChildProcess) throws -> String {
                for line in ["append 100", "checkpoint", "snapshot"] {
                    #expect(try process.ask(line) == "ok")
                }
                return try process.ask("digest")
            }

            /// The view of a living process of another namespace holds up checkpoints, that of a
            /// dead one does not.
            @Test(arguments: [Unshared.numbers, .numbersWithoutProc, .time])
            func viewsOfOthers(way: Unshared) throws {
                let outside = try workers.open()
                let digest = try snapshot(outside)
                let inside = try open(way)
                for _ in 0 ..< 3 {
                    for line in ["append 10", "checkpoint"] {
                        #expect(try inside.ask(line) == "ok")
                    }
                }
                #expect(try outside.ask("digest") == digest)
                #expect(try inside.figures("log")[0] > 0)
                outside.destroy()
                #expect(try inside.ask("checkpoint") == "ok")
                #expect(try inside.figures("log") == [0])
                // The other way round.
                let within = try snapshot(inside)
                let next = try workers.open()
                for line in ["append 10", "checkpoint"] { #expect(try next.ask(line) == "ok") }
                #expect(try inside.ask("digest") == within)
                #expect(try next.figures("log")[0] > 0)
                inside.destroy()
                #expect(try next.ask("checkpoint") == "ok")
                #expect(try next.figures("log") == [0])
                #expect(try next.ask("count").hasPrefix("240 "))
                #expect(try next.ask("close") == "ok")
                #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            }

            /// All have process ID 1. One holds the write lock; another dies while it waits for it;
            /// a third does not get it until the first is dead.
            @Test func allAreNumberOne() throws {
                let holder = try open(.numbers)
                #expect(try holder.ask("hold") == "held")
                let waiter = try open(.numbers)
                waiter.send("append")
                let third = try open(.numbers, "timeout=200")
                #expect(try third.ask("append").contains("another process's transaction"))
                waiter.destroy()
                #expect(try third.ask("append").contains("another process's transaction"))
                #expect(try holder.ask("keep") == "ok")
                #expect(try third.ask("append") == "ok")
                #expect(try holder.ask("count") == "2 2")
                #expect(try holder.ask("hold") == "held")
                let last = try open(.numbers)
                last.send("append")
                usleep(50_000)
                holder.destroy()
                #expect(try last.readLine() == "ok")
                #expect(try last.ask("count") == "3 2")
            }

            /// A writer in one namespace wakes a process in another that waits for its commits.
            @Test func changesAreSignalled() throws {
                let waiting = try open(.numbers)
                #expect(try waiting.ask("append") == "ok")
                #expect(try waiting.ask("mark") == "ok")
                waiting.send("wait 30000")
                let writer = try open(.numbersWithoutProc)
                #expect(try writer.ask("append") == "ok")
                #expect(try waiting.readLine().hasPrefix("changed"))
            }

            /// Without `/proc`, processes share a heap with each other, but with no process that
            /// knows its boot.
            @Test func withoutProc() throws {
                let reader = try open(.noProc)
                let digest = try snapshot(reader)
                let writer = try open(.noProc)
                for line in ["append", "checkpoint", "append", "checkpoint"] {
                    #expect(try writer.ask(line) == "ok")
                }
                #expect(try reader.ask("digest") == digest)
                let late = try workers.start()
                let answer = try late.ask("open \(workers.path) readWrite timeout=500")
                #expect(answer.hasPrefix("error ") && answer.contains("boot of the machine"))
                for process in [reader, writer] { process.destroy() }
                #expect(try late.ask("open \(workers.path) readWrite") == "ok")
            }

            /// The storm of processes, of which most are in PID namespaces of their own.
            @Test func storm() throws {
                let seats = ["writer", "writer", "opener", "reader", "reader", "keeper"]
                let storm = try Storm(
                    Storm.Plan(
                        name: "namespaces", seats: seats,
                        kills: setting("HOLDFAST_KILLS").flatMap { Int($0) }
                            ?? TestExtent.choose(quick: 60, full: 200, long: 3000),
                        seed: setting("HOLDFAST_SEED") ?? UInt64.random(in: 1 ... 1_000_000),
                        ofAll: 3,
                        starting: { number, arguments, errors in
                            let way = [Unshared.numbers, .numbersWithoutProc, nil][number % 3]
                            return try way?.start(arguments, errors: errors)
                                ?? ChildProcess(testWorker, arguments, errors: errors)
                        }))
                try storm.run()
                for line in storm.figures { print(line) }
                #expect(storm.totals[.commits]! > 0 && storm.totals[.views]! > 0)
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

            /// Starts a worker there. Its signals and its death are those of the worker itself.
            func start(_ arguments: [String], errors: String) throws -> ChildProcess {
                let process = try ChildProcess(
                    Self.executable, way([testWorker] + arguments), errors: errors)
                guard self != .noProc else { return process }
                let children = "/proc/\(process.number)/task/\(process.number)/children"
                while process.representing == nil {
                    if let end = process.poll() {
                        throw ChildProcess.Failure(description: "unshare: \(end)")
                    }
                    let text = (try? String(contentsOfFile: children, encoding: .utf8)) ?? ""
                    process.representing = text.split(separator: " ").first.flatMap { Int32($0) }
                }
                return process
            }

            private func way(_ worker: [String]) -> [String] {
                switch self {
                case .numbers: return ["--pid", "--fork", "--kill-child", "--mount-proc"] + worker
                // The other namespace's process IDs are in /proc.
                case .numbersWithoutProc: return ["--pid", "--fork", "--kill-child"] + worker
                case .time:
                    return ["--time", "--boottime", "100000", "--fork", "--kill-child"] + worker
                case .noProc:
                    return [
                        "--mount", "/bin/sh", "-c",
                        "mount -t tmpfs none /proc && exec \"$0\" \"$@\"",
                    ] + worker
                }
            }
        }
    }
#endif
