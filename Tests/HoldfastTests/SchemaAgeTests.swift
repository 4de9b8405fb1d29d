import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

@Persistable private struct Person1 {
    static var storedName: String { "Person" }
    var name: String
}
@Persistable private struct Person2 {
    static var storedName: String { "Person" }
    var name: String
    var born: Int?
}
private enum Release1 {
    @HeapSchema struct Club {
        static let schemaVersion = 1
        var people: PersistentArray<Person1>
    }
}
private enum Release2 {
    @HeapSchema struct Club {
        static let schemaVersion = 2
        var people: PersistentArray<Person2>
    }
}
private enum Release3 {
    @HeapSchema struct Club {
        static let schemaVersion = 3
        var people: PersistentArray<Person1>
    }
}
@HeapSchema private struct Unversioned { var people: PersistentArray<Person1> }
@HeapSchema private struct People1 {
    var people: PersistentArray<Person1>
    var byName: PersistentMap<String, Person1>
}
@HeapSchema private struct People2 {
    var people: PersistentArray<Person2>
    var byName: PersistentMap<String, Person2>
}

/// Programs of several ages with one heap: an older one must not take newer fields for removed
/// ones, whatever way the data has gone.
@Suite(.progress) struct SchemaAgeTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.path + "/a.heap" }

    private static let steps = [
        HeapMigration(batchesTo: 1) { tx in
            let convert = { (old: Person1) in
                Person2(name: String(old.name.dropLast(5)), born: Int(old.name.suffix(4)))
            }
            let isDone = try tx.convertArray(
                "people", from: Person1.self, to: Person2.self, convert)
            return try tx.convertMap(
                "byName", from: (String.self, Person1.self), to: (String.self, Person2.self)
            ) { ($0, convert($1)) } && isDone
        }
    ]

    private func migrated() throws -> TypedHeap<People2> {
        let heap = try TypedHeap<People1>.open(path)
        try heap.write {
            $0.people.append(Person1(name: "Ada 1815"))
            $0.byName["Ada"] = Person1(name: "Ada 1815")
        }
        try heap.close()
        return try TypedHeap<People2>.open(path, migrations: Self.steps)
    }

    private func requireMigrated() throws {
        let heap = try TypedHeap<People2>.open(path, migrations: Self.steps)
        let born = try heap.read { [$0.people[0].born, $0.byName["Ada"]?.born] }
        #expect(born == [1815, 1815])
        try heap.close()
    }

    @Test func aProgramWithoutStepsIsOfBeforeTheFirst() throws {
        try migrated().close()
        for mode in [OpenMode.readWrite, .readOnly] {
            #expect(throws: HeapError.newerData(path: path, version: 1, known: 0)) {
                try TypedHeap<People1>.open(path, mode: mode)
            }
        }
        try requireMigrated()
    }

    /// Also where no version is compared: a step's types are in the histories of the roots.
    @Test func aStepLeavesTheOldTypeBehind() throws {
        let heap = try migrated()
        #expect(throws: HeapError.newerData(path: path, version: 2, known: 1)) {
            try TypedHeap<People1>(heap.heap)
        }
        try heap.close()
        try requireMigrated()
    }

    private func released() throws {
        let first = try TypedHeap<Release1.Club>.open(path)
        try first.write { $0.people.append(Person1(name: "Ada")) }
        try first.close()
        let second = try TypedHeap<Release2.Club>.open(path)
        try second.write { $0.people[0].born = 1815 }
        try second.close()
    }

    @Test(arguments: [SchemaChanges.automatic, .eraseOnMismatch])
    func aHigherVersionTakesAChangeBack(policy: SchemaChanges) throws {
        try released()
        let third = try TypedHeap<Release3.Club>.open(path, schemaChanges: policy)
        let names = try third.read { $0.people.map(\.name) }
        #expect(names == ["Ada"])
        try third.close()
        #expect(throws: HeapError.newerData(path: path, version: 3, known: 2)) {
            try TypedHeap<Release2.Club>.open(path)
        }
        // Back and forth: the history is of the other type now.
        let again = try TypedHeap<Release3.Club>.open(path, schemaChanges: .forbidden)
        try again.close()
    }

    /// A copy, a repaired heap and an import are no way around it.
    @Test func theVersionsGoWithTheData() throws {
        try released()
        let heap = try PersistentHeap.open(path)
        let copies = ["copy", "repaired", "imported"].map { folder.path + "/\($0).heap" }
        try heap.copy(to: copies[0])
        let lines = folder.path + "/lines.jsonl"
        try heap.exportLines(to: lines)
        try heap.close()
        let repair = try PersistentHeap.repair(path, to: copies[1])
        #expect(repair.isComplete)
        let imported = try PersistentHeap.open(copies[2])
        _ = try imported.importLines(from: lines)
        try imported.close()
        for copy in copies {
            #expect(throws: HeapError.newerData(path: copy, version: 2, known: 1)) {
                try TypedHeap<Release1.Club>.open(copy)
            }
            // Nor without versions: the root's history is there too.
            #expect(throws: HeapError.newerData(path: copy, version: 2, known: 1), "\(copy)") {
                try TypedHeap<Unversioned>.open(copy)
            }
            let heap = try TypedHeap<Release2.Club>.open(copy)
            let born = try heap.read { $0.people[0].born }
            #expect(born == 1815)
            try heap.close()
        }
    }
}
