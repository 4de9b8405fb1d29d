import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

@Persistable(.plain) private struct StockMovement: Equatable {
    var item: Int32
    var delta: Int64
}

@Persistable private struct Settings {
    var theme: String
    var tags = PersistentArray<String>()
}

@HeapSchema private struct Shop {
    var stock: PersistentMap<String, Int>
    var log: PersistentArray<StockMovement>
    @HeapRoot("old tags") var tags: PersistentArray<String> = ["a", "b"]
    var settings: PersistentValue<Settings> = PersistentValue(Settings(theme: "dark", tags: ["x"]))
    var lastOrder = 0
    var note: String?

    var total: Int { stock.values.reduce(0, +) }
}

/// The first form of a schema, and the next ones.
@HeapSchema private struct Old { var stock: PersistentMap<String, Int> }
@HeapSchema private struct Changed { var stock: PersistentMap<String, Int32> }
@HeapSchema private struct Late {
    var stock: PersistentMap<String, Int>
    var bad: PersistentMap<String, Int32>
}

/// A heap whose roots are declared once.
@Suite(.progress) struct TypedHeapTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.path + "/a.heap" }

    private func verify(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    @Test func theRootsArePresentFromTheStart() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.read { shop in
            let isEmpty = shop.stock.isEmpty && shop.log.isEmpty
            #expect(isEmpty)
            #expect(Array(shop.tags) == ["a", "b"])
            let theme = shop.settings.theme
            #expect(theme == "dark")
            #expect(shop.lastOrder == 0 && shop.note == nil)
        }
        let names = try shop.heap.read { $0.roots.map(\.name) }
        #expect(names == ["lastOrder", "log", "note", "old tags", "settings", "stock"])
        try verify(shop.heap)
    }

    @Test func changesAreThereInTheNextRun() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.write { shop in
            shop.stock["bolt", default: 0] += 120
            shop.log.append(StockMovement(item: 7, delta: 120))
            shop.tags.append("c")
            shop.settings.theme = "light"
            shop.settings.tags.append("y")
            shop.lastOrder += 1
            shop.note = "half full"
        }
        try shop.close()
        let again = try TypedHeap<Shop>.open(path, mode: .readOnly)
        try again.read { shop in
            #expect(shop.stock["bolt"] == 120 && shop.total == 120)
            #expect(Array(shop.log) == [StockMovement(item: 7, delta: 120)])
            #expect(Array(shop.tags) == ["a", "b", "c"])
            let theme = shop.settings.theme
            #expect(theme == "light")
            #expect(Array(shop.settings.tags) == ["x", "y"])
            #expect(shop.lastOrder == 1 && shop.note == "half full")
        }
        try verify(again.heap)
    }

    @Test func rootsAreReplacedAsAWhole() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.write { shop in
            shop.tags = ["z"]
            shop.settings = PersistentValue(Settings(theme: "new"))
            shop.note = "note"
        }
        try shop.write { shop in
            // A copy of itself, a copy of another, and a new one that is not stored.
            shop.tags = shop.tags
            shop.settings.tags = shop.tags
            _ = PersistentValue(Settings(theme: "lost", tags: ["lost"]))
            shop.note = nil
        }
        try shop.read { shop in
            #expect(Array(shop.tags) == ["z"] && Array(shop.settings.tags) == ["z"])
            let theme = shop.settings.theme
            #expect(theme == "new" && shop.note == nil)
        }
        try verify(shop.heap)
    }

    /// A root that is set to itself, as after a mutating method of the standard library, stays.
    @Test func aRootSetToItselfStays() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.write { shop in
            let tags = shop.tags
            let version = shop.tags.access.catalogueVersion
            shop.tags = tags
            shop.tags = shop.tags
            let isSame = version == shop.tags.access.catalogueVersion
            #expect(isSame && tags.count == 2)
        }
    }

    @HeapSchema struct Twice {
        @HeapRoot("same") var first: PersistentArray<Int> = [1]
        #if DEBUG
            @HeapRoot("same") var second: PersistentArray<Int> = [2]
        #else
            var second: PersistentArray<Int> = [2]
        #endif
    }

    /// The macro cannot see it where properties depend on a condition.
    @Test func equalNamesTrap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            _ = try TypedHeap<Twice>.inMemory()
            exit(0)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("declares two roots with the same name"), "\(text)")
    }

    // MARK: Schemas that change

    @Test func addingARootIsNoMigration() throws {
        let old = try TypedHeap<Old>.open(path)
        try old.write { $0.stock["bolt"] = 1 }
        let reader = try PersistentHeap.open(path, mode: .readOnly)
        #expect(throws: HeapError.rootNotFound(path: reader.engine.path, name: "log")) {
            _ = try TypedHeap<Shop>(reader)
        }
        try reader.close()
        let new = try TypedHeap<Shop>.open(path)
        let (bolts, tags) = try new.read { ($0.stock["bolt"], Array($0.tags)) }
        #expect(bolts == 1 && tags == ["a", "b"])
        // The old program goes on beside it.
        try old.write { $0.stock["nut"] = 2 }
        #expect(try new.read { $0.total } == 3)
        #expect(
            try old.undeclaredRoots == ["lastOrder", "log", "note", "old tags", "settings"])
        #expect(try new.undeclaredRoots == [])
    }

    @Test func anotherTypeIsAnErrorOfOpening() throws {
        let old = try TypedHeap<Old>.open(path)
        try old.close()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let thrown = #expect(throws: HeapError.self) { _ = try TypedHeap<Changed>.open(path) }
        guard case .rootTypeMismatch(_, let name, _, _, _)? = thrown else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        #expect(name == "stock")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        // The failed opening has closed the heap.
        #expect(FileManager.default.fileExists(atPath: path + "-log") == false)
    }

    /// The missing root is not created if another root has a wrong type.
    @Test func nothingIsCreatedBesideAWrongType() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { _ = try $0.map("bad", String.self, Int.self) }
        #expect(throws: HeapError.self) { _ = try TypedHeap<Late>(heap) }
        #expect(try heap.read { $0.roots.map(\.name) } == ["bad"])
    }

    // MARK: Roots that change below

    /// Another program removes or replaces a root after this one has verified it.
    @Test func rootsRemovedByAnotherProgram() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.write { $0.stock["bolt"] = 1 }
        let other = try PersistentHeap.open(path)
        try other.write { try $0.removeRoot("stock", PersistentMap<String, Int>.self) }
        #expect(throws: HeapError.rootNotFound(path: other.engine.path, name: "stock")) {
            try shop.read { $0.stock["bolt"] }
        }
        // A write transaction creates it again.
        try shop.write { $0.stock["nut"] = 2 }
        #expect(try shop.read { Array($0.stock.keys) } == ["nut"])
        try other.write { tx in
            try tx.removeRoot("stock", PersistentMap<String, Int>.self)
            _ = try tx.map("stock", String.self, Double.self)
        }
        for isWriting in [false, true] {
            let thrown = #expect(throws: HeapError.self) {
                if isWriting {
                    try shop.write { $0.lastOrder += 1 }
                } else {
                    _ = try shop.read { $0.lastOrder }
                }
            }
            let isMismatch = if case .rootTypeMismatch? = thrown { true } else { false }
            #expect(isMismatch)
        }
    }

    /// A transaction that creates a missing root and is rolled back: the catalogue's version comes
    /// again, and must not be believed.
    @Test func aRolledBackCreationIsNotRemembered() throws {
        struct Stop: Error {}
        let shop = try TypedHeap<Shop>.open(path)
        try shop.heap.write { try $0.removeRoot("stock", PersistentMap<String, Int>.self) }
        for _ in 0 ..< 3 {
            #expect(throws: Stop.self) {
                try shop.write { shop in
                    shop.stock["bolt"] = 1
                    throw Stop()
                }
            }
            #expect(throws: HeapError.rootNotFound(path: shop.heap.engine.path, name: "stock")) {
                _ = try shop.read { $0.total }
            }
        }
        try shop.write { $0.stock["bolt"] = 1 }
        #expect(try shop.read { $0.total } == 1)
        try verify(shop.heap)
    }

    /// Two schemas on one heap, by turns on the same thread.
    @Test func schemasByTurns() throws {
        let shop = try TypedHeap<Shop>.open(path)
        let old = try TypedHeap<Old>(shop.heap)
        for number in 1 ... 5 {
            try shop.write { $0.stock["bolt"] = number }
            #expect(try old.read { $0.stock["bolt"] } == number)
        }
    }

    // MARK: Kinds of transaction and of heap

    @Test func theTransactionBesideTheRoots() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.write { shop, tx in
            shop.lastOrder = 1
            try? tx.savepoint { _ in
                shop.lastOrder = 2
                shop.tags = ["undone"]
                throw CancellationError()
            }
            shop.stock["a"] = try tx.array("by name", of: Int.self).count
        }
        let (order, tags, hasRoot) = try shop.read { shop, tx in
            (shop.lastOrder, Array(shop.tags), tx.hasRoot("by name"))
        }
        #expect(order == 1 && tags == ["a", "b"] && hasRoot)
        try verify(shop.heap)
    }

    @Test func tasks() async throws {
        let shop = try TypedHeap<Shop>.open(path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0 ..< 20 {
                group.addTask {
                    try await shop.write { shop in
                        shop.stock["\(number)"] = number
                        shop.lastOrder += 1
                    }
                    let (order, total) = try await shop.read { shop, _ in
                        (shop.lastOrder, shop.total)
                    }
                    #expect(order >= 1 && total >= number)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await shop.write { shop, _ in shop.lastOrder } == 20)
        #expect(try await shop.read { $0.total } == 190)
    }

    @Test func snapshotsAndBuiltHeaps() throws {
        let order = try TypedHeap<Shop>.build(path) { shop in
            shop.stock["bolt"] = 1
            shop.lastOrder = 7
            return shop.lastOrder
        }
        #expect(order == 7)
        let heap = try TypedHeap<Shop>.open(path)
        let snapshot = try heap.snapshot()
        try heap.write { $0.stock["bolt"] = 2 }
        #expect(try snapshot.read { $0.stock["bolt"] } == 1)
        #expect(try heap.read { $0.stock["bolt"] } == 2)
        try snapshot.close()
        let memory = try TypedHeap<Shop>.inMemory()
        #expect(try memory.read { $0.lastOrder } == 0)
    }

    /// A private copy gets the roots that it lacks, and the file does not.
    @Test func aPrivateCopyOfAnOlderHeap() throws {
        try TypedHeap<Old>.open(path).close()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let copy = try TypedHeap<Shop>.open(path, mode: .privateCopy)
        #expect(try copy.read { Array($0.tags) } == ["a", "b"])
        try copy.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    /// Once verified, a schema costs a transaction no look at the catalogue.
    @Test func verifiedRootsAreRemembered() throws {
        let shop = try TypedHeap<Shop>.open(path)
        try shop.read { _ in }
        try shop.heap.read { tx in
            let isRemembered = SchemaVerifier<Shop>(tx.access).isRemembered
            let other = SchemaVerifier<Old>(tx.access).isRemembered
            #expect(isRemembered && !other)
        }
        try shop.heap.write { _ = try $0.value("another", initial: 1) }
        try shop.heap.read { tx in
            let isRemembered = SchemaVerifier<Shop>(tx.access).isRemembered
            #expect(!isRemembered)
        }
    }
}
