import Foundation
import Testing
import TestSupport

extension ProcessTests {
    /// Processes that are stopped, but not dead, while others wait for them: those get an error
    /// after the timeout, and continue when the stopped process does.
    @Suite struct StoppedProcessTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        /// A worker that stops itself at `point` during the command `line`.
        private func stopped(at point: String, during line: String) throws -> ChildProcess {
            let process = try workers.open()
            #expect(try process.ask("append") == "ok")
            #expect(try process.ask("arm \(point)") == "ok")
            process.send(line)
            process.waitUntilStopped()
            #expect(process.end == nil)
            return process
        }

        private func expectTimeout(_ answer: String, _ what: String) {
            #expect(
                answer.hasPrefix("error ") && answer.contains("could not be used in time: \(what)"),
                "\(answer)")
        }

        @Test func insideAWriteTransaction() throws {
            let holder = try workers.open()
            #expect(try holder.ask("hold") == "held")
            try holder.stop(guardedBy: testWorker)
            let other = try workers.open("timeout=200")
            expectTimeout(try other.ask("append"), "another process's transaction")
            // Readers do not wait.
            #expect(try other.ask("count") == "0 0")
            holder.resume()
            #expect(try holder.ask("keep") == "ok")
            #expect(try other.ask("append") == "ok")
            #expect(try other.ask("count") == "2 2")
            for process in [holder, other] { #expect(try process.ask("close") == "ok") }
            #expect(!workers.folder.names.contains("test.heap-log"))
        }

        @Test func whileItOpens() throws {
            #expect(try workers.open().ask("close") == "ok")
            let opening = try workers.start()
            #expect(try opening.ask("arm opening") == "ok")
            opening.send("open \(workers.path) readWrite")
            opening.waitUntilStopped()
            let other = try workers.start()
            expectTimeout(
                try other.ask("open \(workers.path) readWrite timeout=200"),
                "another process that opens or closes it")
            opening.resume()
            #expect(try opening.readLine() == "ok")
            #expect(try other.ask("open \(workers.path) readWrite") == "ok")
            #expect(try other.ask("append") == "ok")
            #expect(try opening.ask("count") == "1 1")
        }

        @Test func whileItSyncs() throws {
            let syncing = try stopped(at: "syncLog", during: "sync")
            let other = try workers.open("timeout=200")
            // Commits need no sync.
            #expect(try other.ask("append") == "ok")
            expectTimeout(try other.ask("sync"), "another process's sync of the log")
            // A timeout of this wait is no failure of the disk: no heap is damaged by it.
            expectTimeout(try other.ask("close"), "another process's sync of the log")
            syncing.resume()
            #expect(try syncing.readLine() == "ok")
            #expect(try syncing.ask("append") == "ok")
            #expect(try syncing.ask("count") == "3 2")
            #expect(try syncing.ask("close") == "ok")
        }

        @Test func whileItMakesACheckpoint() throws {
            let checkpointing = try stopped(at: "syncHeap", during: "checkpoint")
            let other = try workers.open("timeout=200")
            #expect(try other.ask("count") == "1 1")
            expectTimeout(try other.ask("append"), "another process's transaction")
            checkpointing.resume()
            #expect(try checkpointing.readLine() == "ok")
            for process in [other, checkpointing] { #expect(try process.ask("append") == "ok") }
            #expect(try other.ask("count") == "3 2")
        }

        /// Killed while it held a lock: the next process gets the lock at once. If it were not
        /// passed on, this would take half a minute and be an error.
        @Test(arguments: ["opening", "syncLog", "syncHeap", "hold"]) func killed(at point: String)
            throws
        {
            let other = try workers.open()
            let victim: ChildProcess
            switch point {
            case "hold":
                victim = try workers.open()
                #expect(try victim.ask("hold") == "held")
            case "opening":
                victim = try workers.start()
                #expect(try victim.ask("arm opening") == "ok")
                victim.send("open \(workers.path) readWrite")
                victim.waitUntilStopped()
            default:
                victim = try stopped(at: point, during: point == "syncLog" ? "sync" : "checkpoint")
            }
            let before = try other.figures("count")[0]
            #expect(victim.destroy() == .signalled(SIGKILL))
            for line in ["append", "sync", "checkpoint", "append"] {
                #expect(try other.ask(line) == "ok", "\(line)")
            }
            #expect(try other.figures("count")[0] == before + 2)
            let next = try workers.open()
            #expect(try next.figures("count")[0] == before + 2)
            for process in [other, next] { #expect(try process.ask("close") == "ok") }
            #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
        }
    }
}
