import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

@HeapSchema private struct First {
    var list: PersistentArray<Item1>
    var other: PersistentMap<Int, Int>
    var count: Int32 = 5
    var limits: PersistentValue<Item1> = PersistentValue(Item1(name: "limits", size: 3))
}
@HeapSchema private struct Second {
    var list: PersistentArray<Item2>
    var other: PersistentMap<Int, Int>
    var count: Int = 5
    var limits: PersistentValue<Item2> = PersistentValue(Item2(name: "limits", size: 3, note: nil))
    var added: PersistentArray<Int>
}
@HeapSchema private struct Narrow {
    var list: PersistentArray<Item3>
    var other: PersistentMap<Int, Int>
}
@Persistable private struct Tree {
    var children: [Tree]
    var next: [Int: Tree]?
    var name: String
}
@HeapSchema private struct Trees { var trees: PersistentMap<Int, Tree> }
@HeapSchema private struct Stumps { var trees: PersistentArray<Int> }
@HeapSchema private struct OtherKeys { var other: PersistentMap<Int32, Int> }
@HeapSchema private struct Versioned {
    static let schemaVersion = 2
    var list: PersistentArray<Item2>
}
/// A program knows its schema by the name of the type.
private enum Older {
    @HeapSchema struct Versioned {
        static let schemaVersion = 1
        var list: PersistentArray<Item1>
    }
}
@HeapSchema private struct Lists<Element: Persistable> { var list: PersistentArray<Element> }

@Persistable private struct Item1 {
    static var storedName: String { "Item" }
    var name: String
    var size: Int32
}
@Persistable private struct Item2 {
    static var storedName: String { "Item" }
    var name: String
    var size: Int64
    var note: String?
}
@Persistable private struct Item3 {
    static var storedName: String { "Item" }
    var name: String
    var size: Int16
}
@Persistable private struct Item4 {
    static var storedName: String { "Item" }
    var name: String
    var size: Int32
    var owner: String
}
@Persistable private enum Way1 {
    static var storedName: String { "Way" }
    case up, down(Int)
}
@Persistable private enum Way2 {
    static var storedName: String { "Way" }
    case down(Int)
}
@Persistable private enum Way3 {
    static var storedName: String { "Way" }
    case up, down(Int, Int)
}

/// What is converted, what is refused, and what the program can forbid.
@Suite(.progress) struct SchemaPolicyTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.path + "/a.heap" }

    private func fill() throws {
        let heap = try TypedHeap<First>.open(path)
        try heap.write { first in
            first.list.append(Item1(name: "bolt", size: 7))
            first.other[1] = 2
            first.count = 6
        }
        try heap.close()
    }

    private func verify(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// Returns the difference that a refusal names.
    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch HeapError.rootTypeMismatch(_, _, _, _, let difference) {
            return difference
        } catch { return "\(error)" }
        return nil
    }

    private func requireUnchanged() throws {
        let heap = try TypedHeap<First>.open(path, schemaChanges: .forbidden)
        try heap.read { first in
            #expect(first.list[0].name == "bolt" && first.list[0].size == 7)
            #expect(first.other[1] == 2 && first.count == 6)
        }
        try verify(heap.heap)
        try heap.close()
    }

    @Test func valuesAreConverted() throws {
        try fill()
        let heap = try TypedHeap<Second>.open(path)
        try heap.read { second in
            let item = second.list[0]
            #expect(item.name == "bolt" && item.size == 7 && item.note == nil)
            #expect(second.count == 6 && second.added.isEmpty && second.other[1] == 2)
            #expect(second.limits.name == "limits" && second.limits.size == 3)
        }
        try verify(heap.heap)
        let names = try heap.heap.read { $0.roots.map(\.name) }
        #expect(names == ["added", "count", "limits", "list", "other"])
        try heap.close()
        // Nothing is left to do.
        try TypedHeap<Second>.open(path, mode: .readOnly).close()
        try TypedHeap<Second>.open(path, schemaChanges: .forbidden).close()
    }

    @Test func anOlderProgramChangesNothing() throws {
        try fill()
        try TypedHeap<Second>.open(path).close()
        let newer = HeapError.newerData(path: path, version: 2, known: 1)
        for mode in [OpenMode.readWrite, .readOnly] {
            #expect(throws: newer) { _ = try TypedHeap<First>.open(path, mode: mode) }
        }
        #expect(throws: newer) { _ = try TypedHeap<First>.open(path, schemaChanges: .forbidden) }
        let heap = try TypedHeap<Second>.open(path)
        let size = try heap.read { $0.list[0].size }
        #expect(size == 7)
        try heap.close()
    }

    /// Without a version the new field would be taken for a removed one.
    @Test func aVersionKeepsOlderProgramsOut() throws {
        let heap = try TypedHeap<Versioned>.open(path)
        try heap.write { $0.list.append(Item2(name: "nut", size: 1, note: "new")) }
        try heap.close()
        for mode in [OpenMode.readWrite, .readOnly] {
            #expect(throws: HeapError.newerData(path: path, version: 2, known: 1)) {
                _ = try TypedHeap<Older.Versioned>.open(path, mode: mode)
            }
        }
        let again = try TypedHeap<Versioned>.open(path, mode: .readOnly)
        let note = try again.read { $0.list[0].note }
        #expect(note == "new")
        try again.close()
    }

    @Test func aReadOnlyHeapIsNotConverted() throws {
        try fill()
        #expect(throws: HeapError.migrationNeeded(path: path, version: 1, wanted: 2)) {
            _ = try TypedHeap<Second>.open(path, mode: .readOnly)
        }
        try requireUnchanged()
    }

    @Test func aProgramCanForbidChanges() throws {
        try fill()
        let difference = refusal {
            _ = try TypedHeap<Second>.open(path, schemaChanges: .forbidden)
        }
        #expect(difference?.contains("Item.size") == true, "\(difference ?? "")")
        try requireUnchanged()
    }

    // MARK: Refusals

    @Test func whatLosesSomethingIsRefused() throws {
        try fill()
        #expect(
            refusal { _ = try TypedHeap<Narrow>.open(path) }
                == "the field Item.size is Int32 in the file and Int16 in this program, which only "
                + "a declared step can convert")
        #expect(
            refusal { _ = try TypedHeap<OtherKeys>.open(path) }
                == "a key is Int in the file and Int32 in this program, which only a declared step "
                + "can convert")
        let difference = refusal { _ = try TypedHeap<Lists<Item4>>.open(path) }
        #expect(
            difference?.hasPrefix("the field Item.owner is in this program but not in the")
                == true)
        #expect(refusal { _ = try TypedHeap<Lists<Int>>.open(path) } != nil)
        try requireUnchanged()
    }

    @Test func casesThatAreGoneAreRefused() throws {
        let heap = try TypedHeap<Lists<Way1>>.open(path)
        try heap.write { $0.list.append(contentsOf: [.up, .down(3)]) }
        try heap.close()
        #expect(
            refusal { _ = try TypedHeap<Lists<Way2>>.open(path) }?.hasPrefix(
                "the case Way.up is in the file but not in this program") == true)
        #expect(
            refusal { _ = try TypedHeap<Lists<Way3>>.open(path) }
                == "the case Way.down has 1 values in the file and 2 in this program")
    }

    // MARK: Erasing

    @Test func aRootThatCannotBeConvertedIsErased() throws {
        try fill()
        let heap = try TypedHeap<Narrow>.open(path, schemaChanges: .eraseOnMismatch)
        try heap.write { narrow in
            #expect(narrow.list.isEmpty && narrow.other[1] == 2)
            narrow.list.append(Item3(name: "a", size: 1))
        }
        try verify(heap.heap)
        try heap.close()
        // What can be converted is converted.
        let next = try TypedHeap<Lists<Item2>>.open(path, schemaChanges: .eraseOnMismatch)
        let size = try next.read { $0.list[0].size }
        #expect(size == 1)
        try next.close()
        // A record inside itself, of a type that this program has forgotten.
        let tree = try TypedHeap<Trees>.open(path)
        try tree.write { tree in
            let leaf = Tree(children: [], next: nil, name: "a name with a block of its own")
            tree.trees[1] = Tree(children: [leaf, leaf], next: [2: leaf], name: leaf.name)
        }
        try tree.close()
        TypeRegistry.shared.forget(PersistentMap<Int, Tree>.self)
        let stump = try TypedHeap<Stumps>.open(path, schemaChanges: .eraseOnMismatch)
        try verify(stump.heap)
        try stump.close()
        // An older type.
        let older = try TypedHeap<Lists<Item3>>.open(path, schemaChanges: .eraseOnMismatch)
        let isEmpty = try older.read { $0.list.isEmpty }
        #expect(isEmpty)
        try verify(older.heap)
        try older.close()
    }
}
