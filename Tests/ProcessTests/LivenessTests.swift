import Foundation
import Testing
import TestSupport

extension ProcessTests {
    /// Which processes count as alive, and the locks of dead ones.
    @Suite struct LivenessTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        /// A worker with a snapshot of a heap at rest except for others' commits, so that its pages
        /// are the file's own.
        private func withSnapshot() throws -> (process: ChildProcess, digest: String) {
            let process = try workers.open()
            for line in ["append 100", "checkpoint", "snapshot"] {
                #expect(try process.ask(line) == "ok")
            }
            return (process, try process.ask("digest"))
        }

        private func changeUnderneath(_ process: ChildProcess) throws {
            for _ in 0 ..< 3 {
                for line in ["append 10", "checkpoint"] { #expect(try process.ask(line) == "ok") }
            }
        }

        /// A process whose main thread has ended looks dead, but its other threads continue.
        @Test func withoutItsMainThread() throws {
            let (reader, digest) = try withSnapshot()
            #expect(try reader.ask("leave") == "ok")
            #expect(try reader.ask("digest") == digest)
            let state = {
                try String(contentsOfFile: "/proc/\(reader.number)/stat", encoding: .utf8)
            }
            while try !state().contains(") Z ") { usleep(1000) }
            let writer = try workers.open()
            try changeUnderneath(writer)
            #expect(try reader.ask("digest") == digest)
            #expect(try writer.figures("log")[0] > 0)
            // When the whole process has ended, it holds nothing up.
            reader.destroy()
            #expect(try writer.ask("checkpoint") == "ok")
            #expect(try writer.figures("log") == [0])
            #expect(try writer.ask("close") == "ok")
        }

        /// A process that runs another program after `exec` has the same ID and start time, but
        /// none of the views.
        @Test func afterExec() throws {
            let (reader, _) = try withSnapshot()
            let writer = try workers.open()
            try changeUnderneath(writer)
            #expect(try writer.figures("log")[0] > 0)
            #expect(try reader.ask("exec") == "ok")
            #expect(try reader.ask("digest").hasPrefix("error"))
            #expect(try writer.ask("checkpoint") == "ok")
            #expect(try writer.figures("log") == [0])
            // It can open the heap again.
            #expect(try reader.ask("open \(workers.path) readWrite") == "ok")
            #expect(try reader.ask("append") == "ok")
            #expect(try writer.ask("count") == "131 2")
            for process in [reader, writer] { #expect(try process.ask("close") == "ok") }
            #expect(!workers.folder.names.contains("test.heap-shared"))
        }

        /// A sleeping forked child keeps none of the locks of its killed parent.
        @Test(arguments: ["syncHeap", "opening"]) func forkedChildOfTheDead(point: String) throws {
            let other = try workers.open("timeout=2000")
            #expect(try other.ask("append") == "ok")
            let parent: ChildProcess
            if point == "opening" {
                parent = try workers.open(mode: "readOnly")
                #expect(try parent.ask("count") == "1 1")
                #expect(try parent.ask("count") == "1 1")
                #expect(try parent.ask("fork") == "ok")
                #expect(try parent.ask("close") == "ok")
                // The child has existed all the time, without locks of its own.
                #expect(try parent.ask("open \(workers.path) readWrite") == "ok")
                #expect(try parent.ask("fork") == "ok")
                #expect(try parent.ask("arm opening") == "ok")
                parent.send("close")
            } else {
                parent = try workers.open()
                for line in ["append", "fork", "arm \(point)"] {
                    #expect(try parent.ask(line) == "ok")
                }
                parent.send("checkpoint")
            }
            parent.waitUntilStopped()
            #expect(parent.destroy() == .signalled(SIGKILL))
            for line in ["append", "checkpoint", "append"] {
                #expect(try other.ask(line) == "ok", "\(line)")
            }
            #expect(try other.figures("log")[0] > 0)
            // Nor does the child count as having the heap open: the last process to close it puts
            // it at rest.
            #expect(try other.ask("close") == "ok")
            #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            parent.closeInput()
        }

        /// The same for a transient reader that has registered since.
        @Test func forkedChildOfADeadVisitor() throws {
            let maker = try workers.open()
            for line in ["append", "close"] { #expect(try maker.ask(line) == "ok") }
            let parent = try workers.open(mode: "readOnly")
            for _ in 0 ..< 2 { #expect(try parent.ask("count") == "1 1") }
            #expect(try parent.ask("fork") == "ok")
            #expect(parent.destroy() == .signalled(SIGKILL))
            let other = try workers.open("timeout=2000")
            for line in ["append", "checkpoint", "close"] {
                #expect(try other.ask(line) == "ok", "\(line)")
            }
            #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            parent.closeInput()
        }
    }
}
