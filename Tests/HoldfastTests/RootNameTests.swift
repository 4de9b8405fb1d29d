import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// The means of finding a misspelt root name.
@Suite(.progress) struct RootNameTests {
    private let folder = try! TemporaryFolder()

    private func declared(_ names: Set<String>?) throws -> PersistentHeap {
        var options = PersistentHeap.Options()
        options.rootNames = names
        return try PersistentHeap.open(folder.file(), options: options)
    }

    private func error(_ body: () throws -> Void) -> HeapError? {
        do { try body() } catch { return error as? HeapError }
        return nil
    }

    @Test func undeclaredRootsAreNotMade() throws {
        let heap = try declared([
            "stock", "log", "prices", "texts", "bits", "bytes", "jobs", "settings",
        ])
        let path = folder.file()
        try heap.write { tx in
            try tx.map("stock", String.self, Int.self)["bolt"] = 1
            _ = try tx.value("settings", initial: 3)
        }
        func expect(
            _ name: String, _ similar: String?, _ body: (borrowing WriteTransaction) throws -> Void
        ) {
            let thrown = error { try heap.write { try body($0) } }
            #expect(thrown == .undeclaredRoot(path: path, name: name, similar: similar))
        }
        expect("stcok", "stock") { _ = try $0.map("stcok", String.self, Int.self) }
        expect("Log", "log") { _ = try $0.array("Log", of: Int.self) }
        expect("price", "prices") { _ = try $0.sortedMap("price", Int.self, Int.self) }
        expect("text", "texts") { _ = try $0.string("text") }
        expect("bitss", "bits") { _ = try $0.bitSet("bitss") }
        expect("byte", "bytes") { _ = try $0.bytes("byte") }
        expect("job", "jobs") { _ = try $0.deque("job", of: Int.self) }
        expect("customers", nil) { _ = try $0.set("customers", of: Int.self) }
        expect("orders", nil) { _ = try $0.sortedSet("orders", of: Int.self) }
        expect("setting", "settings") { _ = try $0.value("setting", initial: 3) }
        expect("stok", "stock") { try $0.renameRoot("stock", to: "stok") }
        // Caught inside, it has created nothing.
        try heap.write { tx in
            #expect(throws: HeapError.self) { _ = try tx.map("stcok", String.self, Int.self) }
            try tx.array("log", of: Int.self).append(1)
        }
        #expect(try heap.read { $0.roots.map(\.name) } == ["log", "settings", "stock"])
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0)
        try heap.close()
    }

    /// Existing roots can be requested by any name; without a declaration, every name is created.
    @Test func declaringIsForNewRoots() throws {
        var heap = try declared(nil)
        try heap.write { tx in try tx.array("old", of: Int.self).append(1) }
        try heap.close()
        heap = try declared(["new"])
        try heap.write { tx in
            try tx.array("old", of: Int.self).append(2)
            try tx.array("new", of: Int.self).append(2)
        }
        #expect(try heap.read { try $0.array("old", of: Int.self).count } == 2)
        try heap.close()
        // Migrations have roots of their own.
        var options = PersistentHeap.Options()
        options.rootNames = ["old", "new"]
        heap = try PersistentHeap.open(
            folder.file(), options: options,
            migrations: [
                HeapMigration(batchesTo: 1) {
                    try $0.convertArray("old", from: Int.self, to: String.self) { "\($0)" }
                }
            ])
        #expect(try heap.read { try Array($0.array("old", of: String.self)) } == ["1", "2"])
        try heap.close()
    }

    @Test func existingRootsOnly() throws {
        let heap = try declared(nil)
        let path = folder.file()
        try heap.write { tx in
            #expect(throws: HeapError.rootNotFound(path: path, name: "stock")) {
                _ = try tx.existing.map("stock", String.self, Int.self)
            }
            let before = tx.hasRoot("stock")
            #expect(!before)
            _ = try tx.map("stock", String.self, Int.self)
            let after = tx.hasRoot("stock")
            #expect(after)
            try tx.existing.map("stock", String.self, Int.self)["bolt"] = 1
            #expect(throws: HeapError.self) { _ = try tx.existing.map("stock", Int.self, Int.self) }
        }
        #expect(try heap.read { try $0.map("stock", String.self, Int.self)["bolt"] } == 1)
        try heap.close()
    }
}
