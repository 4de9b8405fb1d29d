import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private enum Old {
    @Persistable struct Node {
        static var storedName: String { "Node" }
        var value: Int32
        var next: HeapRef<Node>?
        var name: String
    }
    @Persistable struct Person {
        static var storedName: String { "Person" }
        var name: String
        var friend: HeapRef<Person>?
    }
    @Persistable struct Article {
        static var storedName: String { "Article" }
        var author: SharedRef<Person>
        var editor: SharedRef<Person>?
    }
    @HeapSchema struct Graph {
        var entries: PersistentArray<HeapRef<Node>>
        var nodes: PersistentArray<Node>
        var articles: PersistentMap<Int, Article>
    }
    /// A program that knows only the nodes.
    @HeapSchema struct Nodes { var nodes: PersistentArray<Node> }
}

private enum New {
    /// A program that knows only the references.
    @HeapSchema struct Entries { var entries: PersistentArray<HeapRef<Node>> }
    @Persistable struct Node {
        static var storedName: String { "Node" }
        var name: String
        var extra: Int?
        var value: Int64
        var next: HeapRef<Node>?
    }
    @Persistable struct Person {
        static var storedName: String { "Person" }
        var born: Int?
        var name: String
        var friend: HeapRef<Person>?
    }
    @Persistable struct Article {
        static var storedName: String { "Article" }
        var author: SharedRef<Person>
        var editor: SharedRef<Person>?
    }
    @Persistable struct ArticleWithoutEditor {
        static var storedName: String { "Article" }
        var author: SharedRef<Person>
    }
    @HeapSchema struct Graph {
        var entries: PersistentArray<HeapRef<Node>>
        var nodes: PersistentArray<Node>
        var articles: PersistentMap<Int, Article>
    }
    @HeapSchema struct Nodes { var nodes: PersistentArray<Node> }
    @HeapSchema struct WithoutEditor {
        var entries: PersistentArray<HeapRef<Node>>
        var nodes: PersistentArray<Node>
        var articles: PersistentMap<Int, ArticleWithoutEditor>
    }
}

/// Records that references lead to get new places, and the references follow.
@Suite(.progress) struct SchemaReferenceTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.path + "/a.heap" }
    private let long = "a name that is too long to be stored in place"

    private func fill() throws {
        let heap = try TypedHeap<Old.Graph>.open(path)
        try heap.write { graph, tx in
            // A cycle of records that only references lead to.
            let first = try tx.new(Old.Node(value: 1, next: nil, name: long))
            let second = try tx.new(Old.Node(value: 2, next: first, name: "b"))
            first.next = second
            graph.entries.append(first)
            graph.nodes.append(Old.Node(value: 3, next: second, name: "c"))
            graph.entries.append(graph.nodes[ref: 0])
            let ada = try tx.share(Old.Person(name: long, friend: nil))
            ada.friend = ada.ref
            for number in 0 ..< 50 {
                graph.articles[number] = Old.Article(
                    author: ada, editor: number == 7 ? ada : nil)
            }
        }
        try heap.close()
    }

    @Test func referencesFollow() throws {
        try fill()
        let heap = try TypedHeap<New.Graph>.open(path)
        try heap.read { graph in
            let first = graph.entries[0]
            #expect(first.value == 1 && first.name == long && first.extra == nil)
            let second = first.next
            #expect(second?.value == 2 && second?.next == first)
            let third = graph.entries[1]
            #expect(third == graph.nodes[ref: 0] && third.value == 3 && third.next == second)
            let ada = graph.articles[0]!.author
            #expect(ada.name == long && ada.born == nil && ada.friend == ada.ref)
            #expect(ada.referenceCount == 51)
            let isSame = (0 ..< 50).allSatisfy { graph.articles[$0]!.author == ada }
            #expect(isSame && graph.articles[7]!.editor == ada)
        }
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        // The counts are still right.
        try heap.write { $0.articles.removeAll() }
        let after = try heap.heap.check()
        #expect(after.isSound && after.unreachedBlocks == 0, "\(after)")
        try heap.close()
    }

    /// A record cannot move away from an owner that the program does not know.
    @Test func unknownOwnersAreRespected() throws {
        try fill()
        let refused = refusal { _ = try TypedHeap<New.Entries>.open(path) }
        #expect(refused.contains("the root \"nodes\""), "\(refused)")
        let old = try TypedHeap<Old.Graph>.open(path)
        #expect(try old.heap.check().isSound)
        try old.heap.close()
    }

    /// References to records that the program has freed are legal as long as nobody follows them.
    @Test func danglingReferencesStay() throws {
        let old = try TypedHeap<Old.Graph>.open(path)
        try old.write { graph, tx in
            let gone = try tx.new(Old.Node(value: 9, next: nil, name: long))
            graph.nodes.append(Old.Node(value: 4, next: gone, name: "d"))
            gone.free()
        }
        try old.close()
        let heap = try TypedHeap<New.Graph>.open(path)
        let value = try heap.read { $0.nodes[0].value }
        #expect(value == 4)
        try heap.close()
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do { try body() } catch HeapError.rootTypeMismatch(_, _, _, _, let difference) {
            return difference
        } catch { return "\(error)" }
        return ""
    }

    /// References that the program does not know would lead nowhere.
    @Test func unknownReferencesAreRespected() throws {
        try fill()
        let difference = refusal { _ = try TypedHeap<New.Nodes>.open(path) }
        #expect(difference.contains("references in the root \"entries\""), "\(difference)")
        let removed = refusal { _ = try TypedHeap<New.WithoutEditor>.open(path) }
        #expect(removed.contains("a removed field contains Person"), "\(removed)")
        try TypedHeap<Old.Graph>.open(path, schemaChanges: .forbidden).close()
    }
}
