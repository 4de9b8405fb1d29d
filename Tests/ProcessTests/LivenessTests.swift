import Foundation
import Testing
import TestSupport

extension ProcessTests {
    /// Who counts as alive, and what the dead leave locked.
    @Suite struct LivenessTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        /// A worker with a snapshot of a heap at rest but for others' commits, so that its pages
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

        /// A process whose main thread has ended looks as if it were dead, but its other threads go
        /// on.
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
            // And when all of it has ended, it holds nothing up.
            reader.destroy()
            #expect(try writer.ask("checkpoint") == "ok")
            #expect(try writer.figures("log") == [0])
            #expect(try writer.ask("close") == "ok")
        }

        /// A process that has become another program by `exec` has the same number and start time,
        /// but none of the views.
        @Test func afterExec() throws {
            let (reader, _) = try withSnapshot()
            let writer = try workers.open()
            try changeUnderneath(writer)
            #expect(try writer.figures("log")[0] > 0)
            #expect(try reader.ask("exec") == "ok")
            #expect(try reader.ask("digest").hasPrefix("error"))
            #expect(try writer.ask("checkpoint") == "ok")
            #expect(try writer.figures("log") == [0])
            // It can take part again.
            #expect(try reader.ask("open \(workers.path) readWrite") == "ok")
            #expect(try reader.ask("append") == "ok")
            #expect(try writer.ask("count") == "131 2")
            for process in [reader, writer] { #expect(try process.ask("close") == "ok") }
            #expect(!workers.folder.names.contains("test.heap-shared"))
        }

        /// A child that was forked off and only sleeps keeps none of the locks of a parent that was
        /// killed.
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
                // The child has been there all the while, with nothing of its own.
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
            // Nor is the child somebody who has the heap open: the last one to close it puts it to
            // rest.
            #expect(try other.ask("close") == "ok")
            #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            parent.closeInput()
        }

        /// The same for a reader that had found the heap at rest, and has registered since.
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
