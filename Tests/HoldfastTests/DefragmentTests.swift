import Foundation
import HoldfastEngine
import HoldfastInspection
import TestSupport
import Testing

@testable import Holdfast

/// Moving the data of a heap closer together while it is in use.
@Suite(.progress) struct DefragmentTests {
    private struct Part: HeapRecord {
        var name: String
        var notes = PersistentArray<String>()
        var inner: PersistentMap<Int, String>?
    }

    private let folder = try! TemporaryFolder()

    /// Moves with transactions so small that every walk is cut short many times, and checks the
    /// whole heap after each of them.
    private func defragmentInSmallSteps(
        _ heap: PersistentHeap, visits: Int, movingReferenced: Bool = false,
        afterStep: (() throws -> Void)? = nil
    ) throws -> (Defragmentation, steps: Int) {
        var steps = 0
        var failure: (any Error)?
        var defragmenter = Defragmenter(heap.engine, isCancelled: { false }) { _, _ in
            steps += 1
            do {
                try afterStep?()
                guard steps % 7 == 0 else { return }
                let check = try heap.check()
                let problems = try heap.audit().problems
                if !check.isSound || !problems.isEmpty {
                    Issue.record("step \(steps): \(check) \(problems)")
                }
            } catch { failure = error }
        }
        defragmenter.budget = .init(movedBytes: 4096, visits: visits)
        let report = try defragmenter.run(movingReferenced: movingReferenced)
        if let failure { throw failure }
        return (report, steps)
    }

    private func requireSound(_ heap: PersistentHeap, unreached: Int = 0) throws {
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == unreached, "\(check)")
        #expect(try heap.audit().problems.isEmpty)
    }

    /// The bytes that a heap keeps of its file, for each that its blocks take.
    private func ratio(_ heap: PersistentHeap) throws -> Double {
        let figures = try heap.statistics()
        let free = figures.freeRuns.reduce(0) { $0 + $1.freeBytes }
        return Double(figures.heapBytes - free) / Double(figures.usedBytes)
    }

    @Test(arguments: [false, true]) func everyKindOfValueStays(movingReferenced: Bool) throws {
        let heap = try PersistentHeap.open(folder.file())
        try SparseContents.fill(heap)
        let before = try SparseContents.lines(of: heap)
        let (report, steps) = try defragmentInSmallSteps(
            heap, visits: 200, movingReferenced: movingReferenced)
        #expect(try SparseContents.lines(of: heap) == before)
        try requireSound(heap)
        #expect(steps > 100 && report.movedBytes > 100_000, "\(steps) \(report)")
        #expect(report.unknownRoots.isEmpty && report.olderViews.isEmpty)
        #expect(report.fixedRecords == (movingReferenced ? [] : ["Leaf", "Node"]), "\(report)")
        #expect(report.diskBytesAfter < report.diskBytesBefore / 3, "\(report)")
        // References lead to the same records as before.
        try heap.write { tx in
            let nodes = try tx.array("nodes", of: SparseContents.Node.self)
            #expect(nodes[ref: 0].next == nodes[ref: 29] && nodes[ref: 5].next == nodes[ref: 4])
            #expect(nodes[3].shared?.referenceCount == 10 && nodes[3].shared == nodes[6].shared)
            let alone = try tx.value("alone", of: HeapRef<SparseContents.Node>?.self)
            #expect(
                alone.value?.next?.next == alone.value && alone.value?.next?.name == "its friend")
            // A heap like any other.
            try tx.map("numbers", Int.self, Double.self).removeAll()
            let sorted = try tx.sortedMap("sorted", String.self, PersistentArray<Int>.self)
            for number in 0 ..< 2000 { sorted[creating: "x \(number)"].append(1) }
        }
        try requireSound(heap)
        try heap.close()
    }

    /// The promise: at most an eighth more than the blocks take, and the rest is returned.
    @Test func theHeapBecomesSmall() throws {
        let heap = try PersistentHeap.open(folder.file())
        var random = SplitMix(state: 5)
        let count = 30_000
        func text(_ number: Int, _ length: Int) -> String {
            "\(number) " + String(repeating: "x", count: length)
        }
        try heap.write { tx in
            let texts = try tx.map("texts", Int.self, String.self)
            let parts = try tx.sortedMap("parts", Int.self, Part.self)
            let blobs = try tx.array("blobs", of: Data.self)
            for number in 0 ..< count {
                texts[number] = text(number, Int(random.next() % 300))
                if number % 3 == 0 {
                    parts[number] = Part(name: text(number, 40), notes: [text(number, 60)])
                }
                if number % 200 == 0 {
                    blobs.append(Data(count: 40_000 + Int(random.next() % 60_000)))
                }
            }
        }
        try heap.write { tx in
            let texts = try tx.map("texts", Int.self, String.self)
            let parts = try tx.sortedMap("parts", Int.self, Part.self)
            let blobs = try tx.array("blobs", of: Data.self)
            for number in 0 ..< count where random.next() % 10 != 0 {
                texts[number] = nil
                parts[number] = nil
            }
            for index in blobs.indices where random.next() % 10 != 0 { blobs[index] = Data() }
        }
        try heap.checkpoint()
        #expect(try ratio(heap) > 3)
        let report = try heap.defragment()
        let figures = try heap.statistics()
        #expect(try ratio(heap) < 1.15, "\(report) \(figures)")
        #expect(figures.diskBytes < figures.usedBytes * 5 / 4 + 1 << 20, "\(report)")
        #expect(figures.diskBytes == report.diskBytesAfter)
        #expect(report.diskBytesAfter < report.diskBytesBefore / 3, "\(report)")
        try requireSound(heap)
        // Nothing is left to do.
        #expect(try heap.defragment().movedBytes < report.movedBytes / 50)
        try heap.close()
    }

    /// Other threads change what is being moved, between any two steps and as they come.
    @Test func othersGoOnMeanwhile() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let map = try tx.map("map", Int.self, PersistentArray<String>.self)
            for number in 0 ..< 4000 { map[number] = [name(number), name(-number)] }
            for number in 0 ..< 4000 where number % 8 != 0 { map[number] = nil }
        }
        var model: [Int: [String]] = [:]
        for number in stride(from: 0, to: 4000, by: 8) {
            model[number] = [name(number), name(-number)]
        }
        var random = SplitMix(state: 11)
        let (report, steps) = try defragmentInSmallSteps(heap, visits: 25) {
            try heap.write { tx in
                let map = try tx.map("map", Int.self, PersistentArray<String>.self)
                for _ in 0 ..< 3 {
                    let key = Int(random.next() % 4000)
                    switch random.next() % 4 {
                    case 0:
                        map[key] = nil
                        model[key] = nil
                    case 1:
                        // Roots come and go too.
                        let root = "root \(key % 5)"
                        if tx.hasRoot(root) {
                            try tx.removeRoot(root, PersistentArray<String>.self)
                        } else {
                            try tx.array(root, of: String.self).append(name(key))
                        }
                    default:
                        map[creating: key].append(name(key))
                        model[key, default: []].append(name(key))
                    }
                }
            }
        }
        #expect(steps > 40 && report.movedBytes > 0, "\(steps) \(report)")
        let contents = try heap.read { tx in
            var found: [Int: [String]] = [:]
            for (key, texts) in try tx.map("map", Int.self, PersistentArray<String>.self) {
                found[key] = Array(texts)
            }
            return found
        }
        #expect(contents == model)
        try requireSound(heap)
        try heap.close()
    }

    private func name(_ number: Int) -> String { "a text that needs a block, number \(number)" }

    /// Walks are cut short inside collections that several levels of others surround, and in values
    /// that are nested too deeply for one walk.
    @Test func nestedValues() throws {
        let heap = try PersistentHeap.open(folder.file())
        typealias Deep = PersistentArray<
            PersistentMap<Int, PersistentDeque<PersistentSortedMap<Int, Part>>>
        >
        func fill(_ tx: borrowing WriteTransaction) throws {
            let deep = try tx.array("deep", of: Deep.Element.self)
            for outer in 0 ..< 3 {
                let map = deep.appendNew()
                for key in 0 ..< 5 {
                    let deque = map[creating: key]
                    for number in 0 ..< 4 {
                        let sorted = deque.appendNew()
                        for entry in 0 ..< 12 {
                            sorted[entry] = Part(
                                name: name(outer * key + number), notes: [name(entry), name(key)],
                                inner: [1: name(entry), 2: name(outer)])
                        }
                    }
                }
            }
        }
        try heap.write { tx in
            let filler = try tx.array("filler", of: String.self)
            for number in 0 ..< 20_000 { filler.append(name(number)) }
            try fill(tx)
            try tx.removeRoot("filler", PersistentArray<String>.self)
        }
        let before = try SparseContents.lines(of: heap)
        let (report, _) = try defragmentInSmallSteps(heap, visits: 40)
        #expect(try SparseContents.lines(of: heap) == before)
        #expect(report.movedBytes > 100_000, "\(report)")
        #expect(try ratio(heap) < 1.3)
        try requireSound(heap)
        try heap.close()
    }

    /// Each transaction goes on where the last one has stopped, with no larger budget.
    @Test func aWalkThatGoesOn() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let filler = try tx.array("filler", of: String.self)
            for number in 0 ..< 20_000 { filler.append(name(number)) }
            let maps = try tx.array("maps", of: PersistentMap<Int, PersistentArray<Part>>.self)
            for outer in 0 ..< 20 {
                let map = maps.appendNew()
                for key in 0 ..< 10 {
                    for _ in 0 ..< 8 {
                        map[creating: key].append(Part(name: name(key), notes: [name(outer)]))
                    }
                }
            }
            try tx.removeRoot("filler", PersistentArray<String>.self)
        }
        let before = try SparseContents.lines(of: heap)
        // Frees empty slabs too, which would be in the way.
        try heap.checkpoint()
        var (plan, path) = (try heap.read { $0.access.relocationPlan }, RelocationPath())
        var (steps, movedBytes) = (0, 0)
        var isComplete = false
        while steps < 2000, !isComplete {
            let relocation = try heap.write { tx in
                let access = tx.access
                let relocation = BlockRelocation(
                    access, by: plan, referenced: [], from: path,
                    budget: .init(movedBytes: .max, visits: 60))
                let entry = RootCatalogue(access).entry("maps")!
                let type = TypeRegistry.shared.type(describedAs: entry.description)!
                BlockMover(relocation).relocateAll(type, at: entry.place)
                access.catalogueWillChange()
                return relocation
            }
            plan = relocation.plan
            movedBytes += relocation.movedBytes
            isComplete = !relocation.isCutShort
            guard !isComplete else { break }
            let next = try #require(relocation.next)
            #expect(next > path)
            path = next
            steps += 1
        }
        #expect(isComplete && steps > 100, "\(steps)")
        #expect(movedBytes > plan.bytesToMove / 2, "\(movedBytes) of \(plan.bytesToMove)")
        #expect(try SparseContents.lines(of: heap) == before)
        try requireSound(heap)
        try heap.close()
    }

    /// Programs keep the places of roots that they have asked for; see `RootHints`.
    @Test func aRootThatMoves() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let filler = try tx.array("filler", of: PersistentArray<Int>.self)
            for number in 0 ..< 20_000 { filler.appendNew().append(number) }
            try tx.array("late", of: Int.self).append(0)
            try tx.removeRoot("filler", PersistentArray<PersistentArray<Int>>.self)
        }
        func place() throws -> UInt64? {
            try heap.read { RootCatalogue($0.access).entry("late")?.offset }
        }
        let before = try place()
        var count = 1
        _ = try defragmentInSmallSteps(heap, visits: 10) {
            try heap.write { tx in try tx.array("late", of: Int.self).append(count) }
            count += 1
            let found = try heap.read { Array(try $0.array("late", of: Int.self)) }
            #expect(found == Array(0 ..< count))
        }
        #expect(count > 3)
        #expect(try place() != before)
        try requireSound(heap)
        try heap.close()
    }

    /// A chain of records that is longer than any transaction's budget has no collections in it.
    @Test func aChainOfRecords() throws {
        struct Link: HeapRecord {
            var name: String
            var next: SharedRef<Link>?
        }
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            var last: SharedRef<Link>?
            for number in 0 ..< 3000 {
                last = try tx.share(Link(name: name(number), next: last))
                try tx.array("filler", of: String.self).append(
                    contentsOf: (0 ..< 9).map { name($0) })
            }
            _ = try tx.value("chain", initial: last)
            try tx.removeRoot("filler", PersistentArray<String>.self)
        }
        let (first, _) = try defragmentInSmallSteps(heap, visits: 100)
        #expect(first.movedBytes > 3000 * 30, "\(first)")
        #expect(first.fixedRecords == ["Link"])
        let half = try ratio(heap)
        let second = try heap.defragment(movingReferenced: true)
        #expect(second.fixedRecords.isEmpty)
        #expect(try ratio(heap) < min(half, 1.25))
        try heap.read { tx in
            var link = try tx.value("chain", of: SharedRef<Link>?.self).value
            for number in (0 ..< 3000).reversed() {
                guard link?.name == name(number) else {
                    Issue.record("link \(number) is lost")
                    return
                }
                link = link?.next
            }
            #expect(link == nil)
        }
        try requireSound(heap)
        try heap.close()
    }

    /// Snapshots show what they showed, and the report names who keeps the space.
    @Test func viewsKeepTheirState() throws {
        let heap = try PersistentHeap.open(folder.file())
        try SparseContents.fill(heap)
        try heap.checkpoint()
        let snapshot = try heap.snapshot()
        func texts() throws -> [String: String] {
            try snapshot.read { tx in
                Dictionary(
                    uniqueKeysWithValues: try tx.map("texts", String.self, String.self)
                        .map { ($0.key, $0.value) })
            }
        }
        let before = try texts()
        let report = try heap.defragment()
        #expect(try texts() == before)
        #expect(report.olderViews.map(\.isSnapshot) == [true])
        try snapshot.close()
        #expect(try heap.compact() > 0)
        try heap.close()
    }

    /// The power is cut after calls to the disk, and the process is killed after every step: all
    /// contents are there each time.
    @Test func crashes() throws {
        let path = "/sim/sparse.heap"
        let disk = SimulatedDisk()
        func open(_ disk: SimulatedDisk) throws -> PersistentHeap {
            try PersistentHeap.open(path, engineOptions: EngineOptions(), disk: disk)
        }
        let filled = try open(disk)
        try filled.write { tx in
            let map = try tx.map("map", Int.self, PersistentArray<String>.self)
            for number in 0 ..< 900 { map[number] = [name(number), name(-number)] }
            for number in 0 ..< 900 where number % 5 != 0 { map[number] = nil }
        }
        let before = try SparseContents.lines(of: filled)
        try filled.close()
        func requireWhole(_ files: [String: [UInt8]], _ moment: String) throws {
            let heap = try open(SimulatedDisk(files: files))
            #expect(try SparseContents.lines(of: heap) == before, "\(moment)")
            try requireSound(heap)
            try heap.close()
        }
        let used = SimulatedDisk(files: disk.currentFiles())
        let heap = try open(used)
        var killed = 0
        let (report, steps) = try defragmentInSmallSteps(heap, visits: 20) {
            try heap.sync()
            guard TestExtent.includes(killed, oneIn: 4) else { return killed += 1 }
            killed += 1
            try requireWhole(used.currentFiles(), "killed after step \(killed)")
        }
        #expect(steps > 10 && report.movedBytes > 10_000, "\(steps) \(report)")
        try heap.close()
        var images = CrashImages(of: used)
        var tried = 0
        while images.position < images.count {
            images.advance()
            guard TestExtent.includes(images.position, oneIn: 8) else { continue }
            let image = images.image(seed: UInt64(images.position))
            guard image[path] != nil else { continue }
            try requireWhole(image, "call \(images.position)")
            tried += 1
        }
        #expect(tried > 5)
    }

    @Test func errors() throws {
        let path = folder.file()
        let heap = try PersistentHeap.open(path)
        try SparseContents.fill(heap)
        let version = heap.version
        var defragmenter = Defragmenter(heap.engine, isCancelled: { true }, progress: nil)
        #expect(throws: HeapError.cancelled(path: path)) {
            _ = try defragmenter.run(movingReferenced: false)
        }
        #expect(heap.version == version)
        try heap.close()
        #expect(throws: HeapError.closed(path: path)) { try heap.defragment() }
    }
}
