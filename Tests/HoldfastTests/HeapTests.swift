import Holdfast
import Testing
import TestSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite(.progress) struct HeapTests {
    @Test func everythingIsThereInTheNextRun() throws {
        let folder = try TemporaryFolder()
        let id = UUID()
        let day = Date(timeIntervalSinceReferenceDate: 123_456.75)
        do {
            let heap = try PersistentHeap.open(folder.file())
            try heap.write { tx in
                let stock = try tx.map("stock", String.self, Int.self)
                stock["bolt", default: 0] += 120
                stock["a key that is longer than fifteen bytes"] = -1
                try tx.array("log", of: Movement.self).append(
                    Movement(item: 7, delta: 120, weight: nil))
                try tx.map("tables", Int.self, PersistentArray<String>.self)[creating: 3].append(
                    "nested")
                try tx.map("byID", UUID.self, Date.self)[id] = day
                try tx.map("data", Int8.self, Data?.self)[-1] = .some(Data([1, 2, 3]))
                try tx.array("flags", of: Bool.self).append(contentsOf: [true, false, true])
                try tx.array("colours", of: Colour.self).append(contentsOf: [.green, .red])
                try tx.value("launches", initial: 0).value += 1
                try tx.string("notes").append("héllo")
            }
            try heap.close()
        }
        #expect(folder.names == ["test.heap"])
        let heap = try PersistentHeap.open(URL(filePath: folder.file()), mode: .readOnly)
        try heap.read { tx in
            let stock = try tx.map("stock", String.self, Int.self)
            #expect(stock["bolt"] == 120)
            #expect(stock["a key that is longer than fifteen bytes"] == -1)
            #expect(stock["nail"] == nil)
            let root1 = try tx.array("log", of: Movement.self)
            #expect(root1.elementsEqual([Movement(item: 7, delta: 120, weight: nil)]))
            let root2 = try tx.map("tables", Int.self, PersistentArray<String>.self)
            #expect(root2[3]?.first == "nested")
            let root3 = try tx.map("byID", UUID.self, Date.self)
            #expect(root3[id] == day)
            let root4 = try tx.map("data", Int8.self, Data?.self)
            #expect(root4[-1] == .some(Data([1, 2, 3])))
            let root5 = try tx.array("flags", of: Bool.self)
            #expect(root5.elementsEqual([true, false, true]))
            let root6 = try tx.array("colours", of: Colour.self)
            #expect(root6.elementsEqual([.green, .red]))
            let root7 = try tx.value("launches", of: Int.self)
            #expect(root7.value == 1)
            let root8 = try tx.string("notes")
            #expect(root8 == "héllo")
            let names = tx.roots.map(\.name)
            #expect(
                names == [
                    "byID", "colours", "data", "flags", "launches", "log", "notes", "stock",
                    "tables",
                ])
        }
        try heap.close()
    }

    @Test func throwingPutsEverythingBack() throws {
        struct Cancelled: Error {}
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.map("m", Int.self, String.self)[1] = "one, in a block of its own"
        }
        #expect(throws: Cancelled.self) {
            try heap.write { tx in
                let map = try tx.map("m", Int.self, String.self)
                map[1] = nil
                for key in 0 ..< 1000 { map[key] = "another string that has a block of its own" }
                try tx.array("a", of: Int.self).append(1)
                throw Cancelled()
            }
        }
        try heap.read { tx in
            let map = try tx.map("m", Int.self, String.self)
            #expect(map.count == 1)
            #expect(map[1] == "one, in a block of its own")
            let hasArray = tx.hasRoot("a")
            #expect(!hasArray)
        }
        #expect(try heap.audit().problems == [])
    }

    @Test func removingEverythingLeavesAnEmptyHeap() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        try heap.write { tx in
            let words = try tx.map("words", String.self, PersistentArray<String>.self)
            for number in 0 ..< 3000 {
                for line in 0 ..< number % 5 {
                    words[creating: "word \(number)"].append("line \(line) of this long text")
                }
            }
            try tx.value("v", initial: "a value that is stored in a block").value += "!"
            try tx.string("s").append(String(repeating: "long ", count: 20_000))
        }
        #expect(try heap.audit().usedBytes > 100_000)
        try heap.write { tx in
            let removed = [
                try tx.removeRoot("words", PersistentMap<String, PersistentArray<String>>.self),
                try tx.removeRoot("v", PersistentValue<String>.self),
                try tx.removeRoot("s", PersistentString.self),
                try tx.removeRoot("s", PersistentString.self),
            ]
            #expect(removed == [true, true, true, false])
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
        try heap.close()
        #expect(try folder.bytes().count == 65_536)
    }

    @Test func rootsKeepTheirType() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.map("stock", String.self, Int.self) }
        #expect(
            throws: HeapError.rootTypeMismatch(
                path: "(in memory)", name: "stock", stored: "Map<String, Int>",
                requested: "Map<String, Double>",
                difference: "its values: Int in the file, Double in this program")
        ) { try heap.read { _ = try $0.map("stock", String.self, Double.self) } }
        #expect(throws: HeapError.rootNotFound(path: "(in memory)", name: "nothing")) {
            try heap.read { _ = try $0.string("nothing") }
        }
    }

    @Test func pointersInStructsAreRefused() throws {
        struct Inner: HeapStruct { var place: UnsafeRawPointer? }
        struct Outer: HeapStruct {
            var number = 1
            var inner: Inner
        }
        struct Function: HeapStruct { var callback: @convention(c) (Int) -> Int }
        let heap = try PersistentHeap.inMemory()
        for attempt in [
            { (tx: borrowing WriteTransaction) throws in _ = try tx.array("a", of: Outer.self) },
            { (tx: borrowing WriteTransaction) throws in _ = try tx.array("b", of: Function.self) },
        ] {
            let error = #expect(throws: HeapError.self) { try heap.write(attempt) }
            guard case .notStorable(_, let reason) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(reason.contains("field"))
        }
        #expect(try heap.audit().usedBytes == 0)
    }

    @Test func modes() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("a", of: Int.self).append(1) }
        try heap.close()
        let before = try folder.bytes()

        let copy = try PersistentHeap.open(folder.file(), mode: .privateCopy)
        try copy.write { tx in try tx.array("a", of: Int.self).append(2) }
        #expect(try copy.read { try $0.array("a", of: Int.self).count } == 2)
        try copy.close()

        let reader = try PersistentHeap.open(folder.file(), mode: .readOnly)
        #expect(throws: HeapError.readOnly(path: folder.file())) { try reader.write { _ in } }
        let second = try PersistentHeap.open(folder.file(), mode: .readOnly)
        try second.close()
        try reader.close()
        #expect(throws: HeapError.closed(path: folder.file())) { try reader.read { _ in } }
        #expect(try folder.bytes() == before)
        #expect(folder.names == ["test.heap"])
    }

    /// A killed process leaves the log; a reader applies it to the image and changes nothing on the
    /// disk.
    @Test func readingAfterACrashChangesNothing() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 1000) }
        // Copies of the files while the heap is open equal the files left by a kill.
        let copies = try TemporaryFolder()
        for name in folder.names { try copies.write(try folder.bytes(name), to: name) }
        #expect(copies.names == ["test.heap", "test.heap-log", "test.heap-shared"])
        let reader = try PersistentHeap.open(copies.file(), mode: .readOnly)
        #expect(try reader.read { try $0.array("a", of: Int.self).reduce(0, +) } == 499_500)
        try reader.close()
        for name in copies.names where name != "test.heap-shared" {
            #expect(try copies.bytes(name) == folder.bytes(name))
        }
        let writer = try PersistentHeap.open(copies.file())
        #expect(try writer.read { try $0.array("a", of: Int.self).count } == 1000)
        try writer.close()
        #expect(copies.names == ["test.heap"])
        try heap.close()
    }

    @Test func misuseTrapsWithASentence() async throws {
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            let array = try heap.writeAndKeep { try $0.array("a", of: Int.self) }
            _ = array.count
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { try $0.array("a", of: Int.self).append(1) }
            try heap.read { try $0.array("a", of: Int.self).append(2) }
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { _ in try heap.read { _ in } }
        }
        // Each of these would wait for itself for ever.
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.read { _ in try heap.write { _ in } }
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.read { _ in try heap.close() }
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { _ in try heap.checkpoint() }
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in
                let map = try tx.map("m", Int.self, PersistentArray<Int>.self)
                let inner = map[creating: 1]
                map[1] = nil
                inner.append(1)
            }
        }
        await #expect(processExitsWith: .failure) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in
                let map = try tx.map("m", Int.self, Int.self)
                for key in 0 ..< 10 { map[key] = key }
                for (key, _) in map { map[key + 100] = 1 }
            }
        }
    }

    @Test func threadsSeeWholeTransactions() async throws {
        let heap = try PersistentHeap.inMemory()
        try await heap.write { tx in
            try tx.array("pair", of: Int.self).append(contentsOf: [0, 0])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0 ..< 3 {
                group.addTask {
                    for _ in 0 ..< 2000 {
                        try heap.read { tx in
                            let pair = try tx.array("pair", of: Int.self)
                            #expect(pair[0] == pair[1])
                        }
                    }
                }
            }
            group.addTask {
                for number in 1 ... 2000 {
                    try heap.write { tx in
                        let pair = try tx.array("pair", of: Int.self)
                        pair[0] = number
                        pair[1] = number
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await heap.read { try $0.array("pair", of: Int.self)[0] } == 2000)
    }
}
