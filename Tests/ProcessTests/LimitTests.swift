import Foundation
import HoldfastEngine
import Testing
import TestSupport

extension ProcessTests {
    /// Limits: numbers of processes, size, memory.
    @Suite struct LimitTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        @Test func manyProcessesAtOnce() throws {
            let count = 64
            let each = 10
            let processes = try (0 ..< count).map { _ in try workers.open() }
            for process in processes { process.send("append \(each)") }
            for process in processes { #expect(try process.readLine() == "ok") }
            for process in processes {
                #expect(try process.ask("count") == "\(count * each) \(count)")
            }
            for process in processes { process.send("close") }
            for process in processes { #expect(try process.readLine() == "ok") }
            #expect(workers.folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
        }

        /// A block of 10 GiB of which only both ends are ever written.
        @Test func sparseHeap() throws {
            let byteCount = 10 << 30
            var options = EngineOptions()
            options.reservesBlocks = false
            func change<R>(_ engine: HeapEngine, _ body: (HeapAccess) -> R) throws -> R {
                let context = try engine.beginWrite()
                let result = body(HeapAccess(context: context, epoch: context.pointee.epoch))
                try engine.commit(context)
                return result
            }
            let path = workers.path
            let first = try HeapEngine(path: path, mode: .readWrite, options: options)
            let block = try change(first) { access in
                let block = access.allocate(byteCount: byteCount)
                access.store(5, at: block)
                return block
            }
            try first.close()
            let second = try HeapEngine(path: path, mode: .readWrite, options: options)
            try change(second) { $0.store(7, at: block + UInt64(byteCount) - 8) }
            #expect(try second.audit().problems == [])
            #expect(try second.scrub().damagedPages == [])
            try second.close()
            var status = stat()
            #expect(stat(path, &status) == 0)
            #expect(Int(status.st_size) >= byteCount)
            let onDisk = Int(status.st_blocks) * 512
            #expect(onDisk < 4 << 20, "\(onDisk) bytes on the disk")
            let third = try HeapEngine(path: path, mode: .readOnly, options: options)
            let context = try third.beginRead()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            #expect(
                access.load(block, as: Int.self) == 5
                    && access.load(block + UInt64(byteCount) - 8, as: Int.self) == 7)
            third.endRead(context)
            try third.close()
            print("FIGURE limits: a heap of 10 GiB takes on the disk, KiB = \(onDisk / 1024)")
        }

        /// A heap four times as large as the memory limit for private pages.
        @Test func privateMemoryStaysInItsBudget() throws {
            let budget = TestExtent.current == .long ? 256 : 32
            // In addition to the limit: the program itself, the string that is being stored or
            // read, the open transaction's before-images, and a checkpoint's index of the log's
            // lines.
            let margin = 16
            let filler = try workers.open("memory=\(budget << 20) log=\(16 << 20)")
            let idle = try filler.figures("memory")[0]
            let filling = try filler.figures("fill \(budget * 4)")[0]
            let sameProcess = try filler.figures("read")
            let reader = try workers.open("memory=\(budget << 20) log=\(16 << 20)")
            let otherProcess = try reader.figures("read")
            for (name, peak) in [
                ("filling", filling), ("reading", sameProcess[1]),
                ("reading elsewhere", otherProcess[1]),
            ] {
                #expect(
                    peak - idle <= (budget + margin) * 1024, "\(name): \(peak) KiB, \(idle) before")
                print(
                    "FIGURE limits: budget \(budget) MiB, heap \(budget * 4) MiB, most private memory while \(name), MiB = \((peak - idle) / 1024)"
                )
            }
            #expect(sameProcess[0] == budget * 4 && otherProcess[0] == budget * 4)
        }

        /// Ten readers of one heap cost its size once. Each process's own memory, measured before
        /// it reads, is included in the long form. In the short form, with a quarter of the heap,
        /// it would be most of the tenth that is allowed, and is subtracted.
        @Test func readersShareTheirPages() throws {
            let mebibytes = TestExtent.current == .long ? 1024 : 256
            let filler = try workers.open("sparse=1")
            _ = try filler.ask("fill \(mebibytes)")
            #expect(try filler.ask("close") == "ok")
            filler.destroy()
            let readers = try (0 ..< 10).map { _ in try workers.open(mode: "readOnly") }
            let before = try readers.reduce(0) { $0 + (try $1.figures("memory")[1]) }
            for reader in readers { reader.send("read") }
            for reader in readers { #expect(try reader.readLine().hasPrefix("\(mebibytes) ")) }
            let after = try readers.reduce(0) { $0 + (try $1.figures("memory")[1]) }
            let cost = TestExtent.current == .long ? after : after - before
            #expect(cost < mebibytes * 1024 * 11 / 10, "\(after) KiB, \(before) before")
            // The heap must have been counted somewhere, or nothing was measured.
            #expect(after - before > mebibytes * 1024 / 2)
            print(
                "FIGURE limits: ten readers of \(mebibytes) MiB take together, MiB = \(after / 1024), before reading \(before / 1024)"
            )
        }

        /// A view that another process keeps during a hundred thousand commits.
        @Test func aLongView() throws {
            let writer = try workers.open()
            let viewer = try workers.open()
            #expect(try writer.ask("append 100") == "ok")
            #expect(try viewer.ask("snapshot") == "ok")
            let first = try viewer.ask("digest")
            #expect(first.hasPrefix("100 "))
            for round in 1 ... 10 {
                #expect(try writer.ask("append 10000") == "ok")
                if round % 3 == 0 { #expect(try writer.ask("checkpoint") == "ok") }
                #expect(try viewer.ask("digest") == first)
            }
            #expect(try viewer.figures("count")[0] == 100_100)
        }
    }
}
