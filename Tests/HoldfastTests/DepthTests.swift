import Foundation
import HoldfastEngine
import HoldfastSystem
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Data of any depth, on a thread with a small stack: chains of references, and nested values.
@Suite(.progress) struct DepthTests {
    struct Link: HeapRecord {
        var number: Int
        var next: SharedRef<Link>?
    }

    struct Tree: HeapRecord, Hashable {
        var number: Int
        var branches = PersistentArray<Tree>()
    }

    /// One level through each kind of collection.
    struct Mixed: HeapRecord {
        var map = PersistentMap<Int, PersistentDeque<PersistentSortedMap<Int, Mixed>>>()
    }

    struct Step: HeapRecord {
        var number: Int
        var next: Chain
    }

    indirect enum Chain: HeapUnion {
        case end
        case link(Step)
        static let cases = [
            UnionCase("end", { Chain.end }, if: { if case .end = $0 { true } else { false } }),
            UnionCase("link", Chain.link) { if case .link(let step) = $0 { step } else { nil } },
        ]
    }

    /// A type that contains itself without a record in between.
    indirect enum Endless: HeapUnion {
        case end
        case more(Int, Endless)
        static let cases = [
            UnionCase("end", { Endless.end }, if: { if case .end = $0 { true } else { false } }),
            UnionCase("more", Endless.more) {
                if case .more(let number, let next) = $0 { (number, next) } else { nil }
            },
        ]
    }

    #if DEBUG
        /// Unoptimised code takes ten times as long; the stack would be too small in both cases.
        static let scale = TestExtent.choose(quick: 20, full: 5, long: 1)
    #else
        static let scale = 1
    #endif
    static let nodes = 1_000_000 / scale
    static let levels = 100_000 / scale

    /// `count` nodes, each of which owns the next.
    private func addList(_ count: Int, to tx: borrowing WriteTransaction) throws {
        var first = try tx.share(Link(number: 0))
        for number in 1 ..< count { first = try tx.share(Link(number: number, next: first)) }
        _ = try tx.value("list", initial: first)
    }

    /// A tree of depth `count`, with occasional second branches.
    private func addTree(_ count: Int, as name: String = "tree", to tx: borrowing WriteTransaction)
        throws
    {
        var array = try tx.array(name, of: Tree.self)
        for number in 0 ..< count {
            array.append(Tree(number: number))
            if number % 1000 == 0 { array.append(Tree(number: -number)) }
            array = array[ref: 0].branches
        }
    }

    private func addMixed(_ count: Int, to tx: borrowing WriteTransaction) throws {
        let root = try tx.array("mixed", of: Mixed.self)
        root.append(Mixed())
        var map = root[ref: 0].map
        for _ in 0 ..< count {
            let deeper = map[creating: 1].appendNew()
            deeper[1] = Mixed()
            map = deeper[ref: 1]!.map
        }
    }

    private func usedBlocks(_ heap: PersistentHeap) throws -> Int {
        let audit = try heap.audit()
        return audit.runs + audit.blocksInUse.reduce(0, +)
    }

    // MARK: Freeing

    @Test func aLongListIsVerifiedAndFreed() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.map("other", Int.self, Int.self) }
        let before = try usedBlocks(heap)
        try onStack {
            try heap.write { tx in try addList(Self.nodes, to: tx) }
            let check = try heap.check()
            #expect(check.problems == [] && check.unreachedBlocks == 0)
            // Plus the root's value and description.
            #expect(check.roots.first?.blocks == Self.nodes + 2)
            try heap.write { tx in
                let isRemoved = try tx.removeRoot("list", PersistentValue<SharedRef<Link>>.self)
                #expect(isRemoved)
            }
        }
        #expect(try usedBlocks(heap) == before)
        #expect(try heap.check().problems == [])
    }

    @Test func whatNestsDeeplyIsFreed() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.map("other", Int.self, Int.self) }
        let before = try usedBlocks(heap)
        try onStack {
            try heap.write { tx in
                try addTree(Self.levels, to: tx)
                try addMixed(Self.levels / 4, to: tx)
            }
            // A value disappears in every way: replaced, removed, and with its root.
            try heap.write { tx in
                let trees = try tx.array("tree", of: Tree.self)
                trees[0] = Tree(number: 1)
                trees.removeAll()
                let mixed = try tx.array("mixed", of: Mixed.self)
                mixed[ref: 0].map = PersistentMap()
                try addTree(Self.levels, as: "second", to: tx)
                for name in ["tree", "second"] {
                    try tx.removeRoot(name, PersistentArray<Tree>.self)
                }
                try tx.removeRoot("mixed", PersistentArray<Mixed>.self)
            }
        }
        #expect(try usedBlocks(heap) == before)
        #expect(try heap.check().problems == [])
    }

    @Test func aDeepUnionIsFreedAndVerified() throws {
        let heap = try PersistentHeap.inMemory()
        let levels = Self.levels / 2
        // Swift itself recurses once per level when it releases such a value.
        try onStack(of: 256 << 20) {
            var chain = Chain.end
            for number in 0 ..< levels { chain = .link(Step(number: number, next: chain)) }
            try heap.write { tx in try tx.array("chains", of: Chain.self).append(chain) }
        }
        try onStack {
            #expect(try heap.check() == heap.check())
            #expect(try heap.check().problems == [])
            #expect(throws: HeapError.self) {
                try heap.read { tx in try tx.exportRoot("chains") { _ in } }
            }
            try heap.write { tx in
                let isRemoved = try tx.removeRoot("chains", PersistentArray<Chain>.self)
                #expect(isRemoved)
            }
            #expect(try heap.check().unreachedBlocks == 0)
        }
    }

    // MARK: Verifying

    @Test func whatNestsDeeplyIsVerified() throws {
        let heap = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in
                try addTree(Self.levels, to: tx)
                try addMixed(Self.levels / 4, to: tx)
            }
            let check = try heap.check()
            #expect(check.problems == [] && check.unreachedBlocks == 0)
            // Each walk counts the same blocks, in whatever order it reaches them.
            let statistics = try heap.rootStatistics()
            #expect(statistics.map(\.blocks) == check.roots.map(\.blocks))
            #expect(statistics.allSatisfy { $0.blocks! > Self.levels })
            let pages = try heap.pageUse()
            #expect(pages.isComplete && pages.unreachedBlocks == 0)
        }
    }

    /// For a long path, a message shows the beginning and the end.
    @Test(arguments: [3, 40, 20_000])
    func damageFarDownIsReportedWithItsPlace(levels: Int) throws {
        let heap = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in
                try addTree(levels, to: tx)
                var last = try tx.array("tree", of: Tree.self)[ref: 0]
                while !last.branches.isEmpty { last = last.branches[ref: 0] }
                // The array's header, which nothing may trust from here on.
                let header = last.access.load(last.place + 16, as: UInt64.self)
                last.access.store(UInt32(0), at: header)
            }
            let problem = try #require(try heap.check().problems.first)
            #expect(problem.hasPrefix("root \"tree\", [0], branches, [0]"), "\(problem)")
            #expect(
                problem.hasSuffix(", branches: the header of an array has a wrong magic number"),
                "\(problem)")
            #expect(problem.contains("steps)") == (levels > 12) && problem.utf8.count < 1000)
        }
    }

    @Test func garbageThatNestsDeeplyIsCollected() throws {
        let heap = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in _ = try tx.array("tree", of: Tree.self) }
            let before = try usedBlocks(heap)
            try heap.write { tx in
                var branches = try tx.new(Tree(number: 0)).branches
                for number in 1 ..< Self.levels {
                    branches.append(Tree(number: number))
                    branches = branches[ref: 0].branches
                }
                // And a cycle of owners.
                let first = try tx.share(Link(number: 0))
                var last = first
                for number in 1 ..< Self.levels {
                    last = try tx.share(Link(number: number, next: last))
                }
                first.next = last
            }
            #expect(try heap.read { try $0.unreachable().count } == Self.levels + 1)
            #expect(try heap.write { try $0.collectGarbage() } > 0)
            #expect(try usedBlocks(heap) == before)
        }
    }

    // MARK: Copying and comparing

    @Test func whatNestsDeeplyIsCopiedAndCompared() throws {
        let heap = try PersistentHeap.inMemory()
        let other = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in
                try addTree(Self.levels, to: tx)
                let trees = try tx.array("tree", of: Tree.self)
                let copies = try tx.array("copy", of: Tree.self)
                copies.append(contentsOf: trees)
                // Also into itself.
                trees.append(trees[0])
                #expect(trees.count == 3 && trees[2] == trees[0])
                trees.removeElement(at: 2)
                #expect(copies == trees && copies.hashValue == trees.hashValue)
                var last = copies[ref: 0]
                while !last.branches.isEmpty { last = last.branches[ref: 0] }
                last.number = -1
                #expect(copies != trees)
                try addMixed(Self.levels / 4, to: tx)
                let mixed = try tx.array("mixed", of: Mixed.self)
                mixed.append(mixed[0])
            }
            try other.write { target in
                try heap.read { tx in
                    try target.array("tree", of: Tree.self).append(
                        contentsOf: try tx.array("tree", of: Tree.self))
                }
            }
            let check = try heap.check()
            #expect(check.problems == [] && check.unreachedBlocks == 0)
            #expect(
                check.roots.first { $0.root.name == "copy" }?.blocks == check.roots.last?.blocks)
            #expect(try other.check().roots.map(\.blocks) == [check.roots.last?.blocks])
        }
    }

    @Test func theTextOfWhatNestsDeeplyEnds() throws {
        let heap = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in try addTree(1000, to: tx) }
            try heap.read { tx in
                let text = try tx.array("tree", of: Tree.self).description
                #expect(
                    text.contains("number: 90") && text.contains("[…]")
                        && !text.contains("number: 200"))
            }
        }
    }

    // MARK: Exchange

    @Test func aLongListIsExportedAndImported() throws {
        let heap = try PersistentHeap.inMemory()
        let other = try PersistentHeap.inMemory()
        let count = Self.nodes / 20
        try onStack {
            try heap.write { tx in try addList(count, to: tx) }
            var lines: [String] = []
            try heap.read { tx in try tx.exportRoot("list") { lines.append($0) } }
            #expect(lines.count == count + 2)
            var next = lines.makeIterator()
            try other.write { tx in _ = try tx.importRoot { next.next() } }
            #expect(try other.check().roots.map(\.blocks) == [count + 2])
        }
    }

    @Test func deepValuesAreExportedOrRefused() throws {
        let heap = try PersistentHeap.inMemory()
        let other = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in
                // A level is an object and an array.
                try addTree(190, as: "fits", to: tx)
                try addTree(Self.levels, as: "deep", to: tx)
            }
            var lines: [String] = []
            try heap.read { tx in try tx.exportRoot("fits") { lines.append($0) } }
            var next = lines.makeIterator()
            try other.write { tx in _ = try tx.importRoot { next.next() } }
            try heap.read { tx in
                try other.read { there in
                    let trees = try (
                        tx.array("fits", of: Tree.self), there.array("fits", of: Tree.self)
                    )
                    #expect(trees.0 == trees.1)
                }
            }
            let error = #expect(throws: HeapError.self) {
                try heap.read { tx in try tx.exportRoot("deep") { _ in } }
            }
            guard case .cannotExport(_, "deep", let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(reason.contains("levels deep"))
            let brackets = String(repeating: "[", count: Self.levels)
            var hostile = [lines[0], "{\"branches\":\(brackets)"].makeIterator()
            #expect(throws: HeapError.self) {
                try other.write { tx in _ = try tx.importRoot(as: "hostile") { hostile.next() } }
            }
        }
    }

    @Test func repairLeavesOutWhatItCannotWrite() throws {
        let folder = try TemporaryFolder()
        try onStack {
            let heap = try PersistentHeap.open(folder.file())
            try heap.write { tx in
                try addTree(Self.levels, to: tx)
                try addTree(10, as: "small", to: tx)
            }
            try heap.close()
            let repair = try PersistentHeap.repair(folder.file(), to: folder.file("repaired.heap"))
            #expect(repair.kept.map(\.root.name) == ["small"])
            #expect(repair.leftOut.map(\.name) == ["tree"])
            #expect(repair.leftOut.first?.reason.contains("levels deep") == true)
        }
    }

    // MARK: Types

    /// As in a program that does not have the types.
    @Test func typesMadeAtRunTimeGoAsDeep() throws {
        let heap = try PersistentHeap.inMemory()
        try onStack {
            try heap.write { tx in try addTree(Self.levels, to: tx) }
            TypeRegistry.shared.forget(PersistentArray<Tree>.self)
            TypeRegistry.shared.forget(Tree.self)
            let check = try heap.check()
            #expect(check.problems == [] && check.unreachedBlocks == 0 && check.unknownRoots == [])
            try heap.read { tx in
                let shown = try #require(try tx.place(ofRoot: "tree")).plain()
                #expect(shown.description.hasPrefix("[Tree(number: 0, branches: [Tree(number: 1, "))
            }
            try heap.write { tx in
                let text = try #require(tx.roots.first).type.text
                let type = try #require(TypeRegistry.shared.type(describedAs: text))
                try copyRoot(type, "tree", tx.access)
                let isRemoved = try tx.removeRoot(named: "tree")
                #expect(isRemoved)
            }
            #expect(try heap.check().unreachedBlocks != 0)
        }
    }

    private func copyRoot<Value: Persistable>(_: Value.Type, _ name: String, _ access: HeapAccess)
        throws
    {
        let entry = try #require(RootCatalogue(access).entry(name))
        let stored = access.load(entry.place, as: Value.Stored.self)
        let copy = Value.store(Value.load(stored, from: access), in: access)
        Value.destroy(copy, in: access)
        _ = Value.store(Value.load(stored, from: access), in: access)
    }

    /// `levels` nested arrays.
    private func nested<Element: Persistable>(
        _: Element.Type, _ levels: Int, _ body: (any PersistableContainer.Type) throws -> Void
    ) throws {
        if levels == 1 { return try body(PersistentArray<Element>.self) }
        try nested(PersistentArray<Element>.self, levels - 1, body)
    }

    private func makeRoot<Container: PersistableContainer>(
        _: Container.Type, _ tx: borrowing WriteTransaction
    ) throws {
        let stored = Container.storeEmpty(in: tx.access)
        try tx.access.addRoot("nested", as: Container.self, at: (stored as! any RootPlace).offset)
    }

    @Test func typesAreNestedUpToALimit() throws {
        for levels in [190, 400, 3000] {
            try nested(Int.self, levels) { type in
                let heap = try PersistentHeap.inMemory()
                try onStack {
                    guard levels < 200 else {
                        let error = #expect(throws: HeapError.self) {
                            try heap.write { tx in try makeRoot(type, tx) }
                        }
                        guard case .notStorable(_, let reason)? = error else {
                            Issue.record("\(String(describing: error))")
                            return
                        }
                        #expect(reason.contains("200 or more levels deep"))
                        return
                    }
                    try heap.write { tx in try makeRoot(type, tx) }
                    TypeRegistry.shared.forget(type)
                    let check = try heap.check()
                    #expect(check.problems == [] && check.unknownRoots == [])
                    let isRemoved = try heap.write { tx in try tx.removeRoot(named: "nested") }
                    #expect(isRemoved)
                }
            }
        }
    }

    @Test func aUnionThatHoldsItselfIsRefused() throws {
        let heap = try PersistentHeap.inMemory()
        let error = try onStack {
            #expect(throws: HeapError.self) {
                try heap.write { tx in _ = try tx.array("endless", of: Endless.self) }
            }
        }
        guard case .notStorable("Endless", let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("HeapRecord"))
    }

    @Test(arguments: ["Array<", "record R{next: ", "enum E: ", "S{next: ", "union U{a: (", "Ref<"])
    func descriptionsAreReadUpToALimit(begins: String) throws {
        RunTimeTypes.install()
        try onStack {
            for levels in [200, 100_000] {
                let text = String(repeating: begins, count: levels) + "Int"
                #expect(TypeShape(parsing: text) == nil)
                #expect(TypeRegistry.shared.type(describedAs: text) == nil)
            }
            #expect(TypeShape(parsing: "Int" + String(repeating: "?", count: 100_000)) == nil)
        }
    }

    // MARK: Encoded values

    struct Nest: Codable, Equatable {
        var inner: [Nest] = []

        /// That many levels of arrays and objects.
        init(levels: Int) {
            for _ in 0 ..< levels / 2 { inner = [self] }
        }
    }

    @Test func encodedValuesAreReadWhereverTheyCanBeWritten() throws {
        let heap = try PersistentHeap.inMemory()
        try onStack(of: 8 << 20) {
            try heap.write { tx in
                _ = try tx.value("nest", initial: Encoded(Nest(levels: 500)))
            }
        }
        try onStack {
            #expect(try heap.check().problems == [])
            let levels = try heap.read { tx in
                var (levels, nest) = (0, try tx.value("nest", of: Encoded<Nest>.self).value.value)
                while let inner = nest.inner.first { (levels, nest) = (levels + 2, inner) }
                return levels
            }
            #expect(levels == 500)
        }
    }

    @Test func encodedValuesThatCouldNotBeReadAreRefused() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try PersistentHeap.inMemory().write { tx in
                _ = try tx.value("nest", initial: Encoded(Nest(levels: 600)))
            }
        }
        #expect(said("Holdfast: a Nest could not be encoded: Unable to encode", result))
    }

    // MARK: Cycles in a damaged heap

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    /// A tree that is its own branch.
    private static func makeCircle(
        _ tx: borrowing WriteTransaction
    ) throws -> PersistentArray<Tree> {
        let trees = try tx.array("tree", of: Tree.self)
        trees.append(Tree(number: 0))
        let branches = trees[ref: 0].branches
        branches.append(Tree(number: 1))
        tx.access.store(trees[ref: 0].place, at: branches.elementPlace(0))
        return trees
    }

    @Test func aCircleIsFound() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try Self.makeCircle(tx) }
        #expect(try heap.check().problems.count > 0)
        #expect(throws: HeapError.self) {
            try heap.read { tx in try tx.exportRoot("tree") { _ in } }
        }
    }

    @Test func aCircleIsNotFreedForEver() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try PersistentHeap.inMemory().write { tx in try Self.makeCircle(tx).removeAll() }
        }
        #expect(said("no longer leads to its Tree", result))
    }

    @Test func aCircleIsNotCopiedForEver() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try PersistentHeap.inMemory().write { tx in
                let trees = try Self.makeCircle(tx)
                try tx.array("copy", of: Tree.self).append(contentsOf: trees)
            }
        }
        #expect(said("values own each other in a cycle", result))
    }

    @Test func aCircleOfUnionsIsNotFreedForEver() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try PersistentHeap.inMemory().write { tx in
                let chains = try tx.array("chains", of: Chain.self)
                let second = Chain.link(Step(number: 2, next: .end))
                chains.append(.link(Step(number: 1, next: second)))
                let union = tx.access.load(chains.elementPlace(0), as: StoredUnion.self)
                let step = tx.access.load(union.payload, as: UInt64.self)
                let next = tx.access.load(step + 16, as: StoredUnion.self)
                let last = tx.access.load(next.payload, as: UInt64.self)
                tx.access.store(union, at: last + 16)
                chains.removeAll()
            }
        }
        #expect(said("Holdfast: ", result))
    }

    // MARK: The stack itself

    @Test func aRecursionGoesOnOnOtherStacks() throws {
        func sum(_ levels: Int) -> Int { DeepStack.run { levels == 0 ? 0 : 1 + sum(levels - 1) } }
        func fail(_ levels: Int) throws(HeapError) -> Int {
            try DeepStack.run { () throws(HeapError) in
                guard levels > 0 else { throw HeapError.closed(path: "deep") }
                return try fail(levels - 1)
            }
        }
        try onStack {
            #expect(sum(Self.levels) == Self.levels)
            #expect(throws: HeapError.self) { try fail(Self.levels) }
            // Back on the thread's own stack, and repeatedly from its end to another stack.
            for _ in 0 ..< 100 { #expect(sum(2000) == 2000) }
            #expect(DeepStack.run(needing: DeepStack.foreignBytes) { sum(10) } == 10)
        }
    }
}
