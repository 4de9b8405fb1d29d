import Foundation
import test_worker
import Testing

@testable import Holdfast
@testable import HoldfastInspection

extension GoldenTests {
    /// Every golden heap is sound, has the expected contents, and can be changed.
    @Suite struct GoldenHeapTests {
        static let names = Contents.atRest + Contents.left

        private func requireSound(_ heap: PersistentHeap) throws {
            let check = try heap.check()
            #expect(check.problems == [])
            #expect(check.unknownRoots == [])
            #expect(check.unreachedBlocks == 0)
        }

        @Test(arguments: names) func isReadByTheProgramsTypes(name: String) throws {
            for mode in [OpenMode.readOnly, .readWrite] {
                let golden = try Golden(name)
                let heap = try golden.open(mode)
                #expect(try golden.lines(of: heap, knowing: Contents.types) == Golden.lines(name))
                try requireSound(heap)
                try heap.close()
            }
        }

        /// As in a program that does not have the types.
        @Test(arguments: names) func isReadByTypesMadeAtRunTime(name: String) throws {
            for type in Contents.types { TypeRegistry.shared.forget(type) }
            RunTimeTypes.install()
            let golden = try Golden(name)
            let heap = try golden.open()
            if name == "forms" {
                let description = try #require(
                    try heap.read { $0.roots.first { $0.name == "people" } }?.type.text)
                let made = try #require(TypeRegistry.shared.type(describedAs: description))
                #expect("\(made)".contains("RunTimeRecord"))
            }
            #expect(try golden.lines(of: heap, knowing: []) == Golden.lines(name))
            try requireSound(heap)
            try heap.close()
        }

        @Test func isReadWithoutTheSharedFile() throws {
            let golden = try Golden("killed", withShared: false)
            let heap = try golden.open()
            let lines = try golden.lines(of: heap, knowing: [])
            #expect(try lines == Golden.lines(Contents.killedWithoutShared))
            #expect(try lines.count < Golden.lines("killed").count)
            try heap.close()
        }

        /// Changed, closed, opened again, emptied: the file's old contents cause no problem.
        @Test(arguments: names) func canBeChanged(name: String) throws {
            let golden = try Golden(name)
            var heap = try golden.open()
            let names = try heap.read { $0.roots.map(\.name) }
            try heap.write { tx in
                let map = try tx.map("added", String.self, PersistentArray<Int>.self)
                for number in 0 ..< 300 { map[creating: "key \(number % 40)"].append(number) }
            }
            try heap.close()
            heap = try golden.open()
            let added = try heap.read { tx in
                try tx.map("added", String.self, PersistentArray<Int>.self)["key 7"].map {
                    Array($0)
                }
            }
            #expect(added == [7, 47, 87, 127, 167, 207, 247, 287])
            try requireSound(heap)
            try heap.write { tx in
                for name in names { try tx.removeRoot(named: name) }
                try tx.removeRoot(named: "added")
                try tx.collectGarbage(knowing: [Person.self, Address.self, Note.self])
            }
            try requireSound(heap)
            #expect(try heap.read { $0.roots.isEmpty })
            try heap.close()
        }

        /// Imported into a new heap, and exported once more, it is the same except for the order of
        /// maps.
        @Test(arguments: names) func comesBackFromItsLines(name: String) throws {
            let golden = try Golden(name)
            let copy = try PersistentHeap.inMemory()
            guard !(try Golden.lines(name).isEmpty), name != "forms" else { return }
            let file = golden.path + ".jsonl"
            try Golden.lines(name).joined(separator: "\n").write(
                toFile: file, atomically: true, encoding: .utf8)
            try copy.importLines(from: file, knowing: Contents.types)
            #expect(
                try golden.lines(of: copy, knowing: Contents.types).sorted()
                    == Golden.lines(name).sorted())
        }
    }
}
