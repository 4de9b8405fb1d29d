import Foundation
import HoldfastSystem
import Testing
import TestSupport

extension ProcessTests {
    /// A suspended process holds nothing of a heap that others use, whatever becomes of it.
    @Suite struct SuspensionTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        private var names: [String] {
            workers.folder.names.filter { $0.hasPrefix("test.heap") }
        }

        /// The locks of the heap file and of the shared file that any process holds.
        private func locks() throws -> [String] {
            var found: [String] = []
            for name in names where !name.hasSuffix("-log") {
                let file = try SystemDisk.shared.open(workers.folder.file(name), .readWrite)
                defer { file.close() }
                for slot in 0 ..< FileLock.slotCount
                where try file.isLockedByOthers(FileLock(slot: slot)) {
                    found.append("\(name) \(slot)")
                }
            }
            return found
        }

        @Test(arguments: ["readWrite", "readOnly"]) func othersGoOn(mode: String) throws {
            let maker = try workers.open()
            for line in ["append 100", "close"] { #expect(try maker.ask(line) == "ok") }
            let sleeper = try workers.open(mode: mode)
            for _ in 0 ..< 3 { #expect(try sleeper.ask("count") == "100 1") }
            #expect(try !locks().isEmpty)
            #expect(try sleeper.ask("suspend") == "ok")
            #expect(try locks() == [])
            #expect(names == ["test.heap"])
            var count = 100
            for _ in 0 ..< 3 {
                // Opens it alone, and is the last to close it.
                let other = try workers.open()
                for line in ["append 10", "checkpoint", "append", "close"] {
                    #expect(try other.ask(line) == "ok")
                }
                count += 11
                #expect(names == ["test.heap"])
                #expect(try sleeper.ask("count").hasPrefix("\(count) "))
                #expect(try sleeper.ask("suspend") == "ok")
                #expect(try locks() == [])
            }
            #expect(try sleeper.ask("close") == "ok")
            #expect(names == ["test.heap"])
        }

        /// Processes that are stopped in a suspension, and killed.
        @Test func theStoppedHoldNothing() throws {
            let sleepers = try (0 ..< 3).map { _ in try workers.open() }
            for sleeper in sleepers {
                for line in ["append 5", "suspend"] { #expect(try sleeper.ask(line) == "ok") }
                kill(sleeper.number, SIGSTOP)
            }
            #expect(try locks() == [])
            let other = try workers.open("timeout=2000")
            for line in ["append 100", "checkpoint", "append 3"] {
                #expect(try other.ask(line) == "ok")
            }
            #expect(try other.figures("log")[0] > 0)
            #expect(sleepers[0].destroy() == .signalled(SIGKILL))
            kill(sleepers[1].number, SIGCONT)
            #expect(try sleepers[1].ask("count") == "118 4")
            #expect(try other.ask("close") == "ok")
            kill(sleepers[2].number, SIGCONT)
            #expect(try sleepers[2].ask("append") == "ok")
            #expect(try sleepers[1].ask("count") == "119 4")
            for sleeper in sleepers.dropFirst() { #expect(try sleeper.ask("close") == "ok") }
            #expect(names == ["test.heap"])
        }
    }
}
