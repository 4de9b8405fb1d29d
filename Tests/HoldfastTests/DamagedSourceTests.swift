import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// A value that has changed on the disk gets into no copy and no export, which could not be told
/// from sound ones.
@Suite(.progress) struct DamagedSourceTests {
    @HeapSchema struct Bank {
        var accounts: PersistentMap<Int, String>
        var others: PersistentArray<Int>
    }

    private let folder = try! TemporaryFolder(heap: "bank.heap")

    private static func text(_ number: Int) -> String { "a balance of 100 EUR, account \(number)" }

    /// Changes a digit of an account that is there. `sparse`: most have been removed, so that a
    /// copy is packed.
    private func makeDamaged(sparse: Bool = false) throws {
        let heap = try TypedHeap<Bank>.open(folder.file())
        try heap.write { bank in
            for number in 0 ..< (sparse ? 20_000 : 1000) {
                bank.accounts[number] = Self.text(number)
            }
            bank.others.append(contentsOf: 0 ..< 5000)
        }
        if sparse {
            try heap.write { bank in
                for number in 0 ..< 20_000 where number % 50 != 7 { bank.accounts[number] = nil }
            }
        }
        try heap.close()
        var bytes = try folder.bytes()
        let place = try #require(bytes.firstRange(of: Data("100 EUR, account 757".utf8)))
        bytes[place.lowerBound] = UInt8(ascii: "9")
        try folder.write(bytes)
    }

    private func isDamage(_ error: any Error) -> Bool {
        guard case HeapError.damagedPages(_, let pages) = error else { return false }
        return pages.count == 1
    }

    @Test(arguments: [false, true]) func copies(sparse: Bool) throws {
        try makeDamaged(sparse: sparse)
        for mode in [OpenMode.readWrite, .readOnly] {
            let heap = try PersistentHeap.open(folder.file(), mode: mode)
            #expect {
                try heap.copy(to: folder.file("copy"))
            } throws: { isDamage($0) }
            try Data("old".utf8).write(to: URL(filePath: folder.file("old")))
            #expect {
                try heap.copy(to: folder.file("old"), replacing: true)
            } throws: { isDamage($0) }
            #expect(try folder.bytes("old") == Data("old".utf8))
            try heap.close()
            #expect(folder.names == ["bank.heap", "old"])
        }
        // What can be read is saved another way, which says what may be wrong.
        let repair = try PersistentHeap.repair(folder.file(), to: folder.file("saved"))
        #expect(!repair.isComplete && repair.leftOut.isEmpty)
        let doubtful = repair.kept.filter { !$0.damagedPages.isEmpty }.map(\.root.name)
        #expect(doubtful == ["accounts"])
    }

    /// The commits since are in the log; the page is not among those that they change.
    @Test func copiesOfAHeapInUse() throws {
        try makeDamaged()
        let heap = try TypedHeap<Bank>.open(folder.file())
        try heap.write { $0.others.append(7) }
        #expect {
            try heap.heap.copy(to: folder.file("copy"))
        } throws: { isDamage($0) }
        try heap.close()
    }

    @Test func exports() throws {
        try makeDamaged()
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            let heap = try PersistentHeap.open(folder.file(), mode: mode)
            #expect {
                try heap.exportLines(to: folder.file("lines"))
            } throws: { isDamage($0) }
            #expect(folder.names.filter { $0.hasPrefix("lines") } == [])
            var count = 0
            #expect {
                try heap.exportLines(root: "accounts") { _ in count += 1 }
            } throws: { isDamage($0) }
            #expect(count == 0)
            // Only what is exported is compared.
            try heap.exportLines(root: "others") { _ in count += 1 }
            #expect(count == 5001)
            try heap.close()
        }
    }

    /// Neither changes that have not reached the file nor those of a private copy are damage.
    @Test func changesAreNoDamage() throws {
        let heap = try TypedHeap<Bank>.open(folder.file())
        try heap.write { $0.others.append(contentsOf: 0 ..< 5000) }
        try heap.heap.checkpoint()
        try heap.write { bank in
            bank.others[70] = 1
            bank.accounts[1] = Self.text(1)
        }
        func export(_ heap: PersistentHeap) throws -> Int {
            var count = 0
            try heap.exportLines { _ in count += 1 }
            return count
        }
        #expect(try export(heap.heap) == 5003)
        let copy = try TypedHeap<Bank>.open(folder.file(), mode: .privateCopy)
        try copy.write { bank in
            bank.others[3000] = 8
            for number in 2 ..< 500 { bank.accounts[number] = Self.text(number) }
        }
        #expect(try export(copy.heap) == 5501)
        try copy.close()
        try heap.close()
        let memory = try PersistentHeap.inMemory()
        try memory.write { tx in try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 3000) }
        #expect(try export(memory) == 3001)
        try memory.checkpoint()
        try memory.write { tx in try tx.array("a", of: Int.self)[5] = 1 }
        #expect(try export(memory) == 3001)
        try memory.copy(to: folder.file("copy"))
        let made = try PersistentHeap.open(folder.file("copy"))
        #expect(try made.check().isSound)
        try made.close()
        try memory.close()
    }

    /// A heap cannot be replaced by its own copy, by whatever path. Nor is it a file to be removed.
    @Test func theHeapItself() throws {
        let path = folder.file()
        let heap = try TypedHeap<Bank>.open(path)
        try heap.write { $0.others.append(1) }
        let other = folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: path)
        for target in [path, folder.path + "/./bank.heap", other] {
            for replacing in [false, true] {
                #expect(throws: HeapError.sameFile(path: target)) {
                    try heap.heap.copy(to: target, replacing: replacing)
                }
            }
        }
        try heap.close()
        #expect(throws: HeapError.sameFile(path: path)) {
            try PersistentHeap.repair(path, to: path)
        }
        let again = try TypedHeap<Bank>.open(path)
        #expect(try again.read { $0.others.count } == 1)
        try again.close()
    }
}
