import Foundation
import Holdfast
import HoldfastInspection
import test_worker
import Testing
import TestSupport

extension GoldenTests {
    /// An independent program, written from Docs/FileFormat.md alone, reads the same contents.
    @Suite(.enabled(if: Golden.hasPython, "there is no python3 here to run Tests/Reader with"))
    struct ReaderTests {
        private static let reader = packageFolder.appending(path: "Tests/Reader/holdfast_reader.py")
            .path

        private func read(_ golden: Golden) throws -> (
            status: Int32, output: String, errors: String
        ) {
            try Golden.run(["python3", Self.reader, golden.path])
        }

        @Test(arguments: Contents.atRest + Contents.left) func readsWhatIsThere(name: String) throws
        {
            let golden = try Golden(name)
            let before = try golden.bytes()
            let (status, output, errors) = try read(golden)
            #expect(status == 0 && errors == "")
            #expect(try output.split(separator: "\n") == Golden.lines(name))
            #expect(try golden.bytes() == before)
        }

        @Test func readsTheDurableLog() throws {
            let result = try read(try Golden("killed", withShared: false))
            #expect(
                try result.output.split(separator: "\n")
                    == Golden.lines(Contents.killedWithoutShared))
        }

        /// A heap that this version of the program has changed, and then closed or left in use.
        @Test func readsWhatThisProgramWrites() throws {
            let golden = try Golden("forms")
            let heap = try golden.open()
            try heap.write { tx in
                try tx.map("added", String.self, PersistentArray<Int>.self)[creating: "é"].append(7)
                for name in ["ints", "plain"] { try tx.removeRoot(named: name) }
                _ = try tx.value("wide", initial: [Int128.min, 1 << 100])
                _ = try tx.value("price", initial: Decimal(string: "-12345678901234567890.5")!)
                try tx.array("times", of: Duration.self).append(.seconds(-3) + .nanoseconds(1))
                try tx.array("bytes", of: ClosedRange<UInt8>.self).append(1 ... 3)
                try tx.array("spans", of: Range<String>.self).append("a" ..< "b")
                try tx.array("sites", of: [URL].self).append([URL(string: "https://a.org/b")!])
                try tx.map("tags", String.self, Set<Int>.self)["x"] = [3]
            }
            try heap.sync()
            let lines = try golden.lines(of: heap, knowing: Contents.types)
            #expect(try read(golden).output.split(separator: "\n") == lines)
            try heap.close()
            #expect(try read(golden).output.split(separator: "\n") == lines)
        }

        private struct Link: HeapRecord {
            var number: Int
            var next: SharedRef<Link>?
        }

        private struct Tree: HeapRecord {
            var number: Int
            var branches = PersistentArray<Tree>()
        }

        /// A chain of references of any length; values nested as deep as an export permits.
        @Test(arguments: [190, 1_000, 20_000]) func readsWhatIsLongAndDeep(levels: Int) throws {
            let golden = try Golden("tiny")
            let heap = try golden.open()
            try heap.write { tx in
                for root in tx.roots { try tx.removeRoot(named: root.name) }
                var first = try tx.share(Link(number: 0))
                for number in 1 ..< 20_000 {
                    first = try tx.share(Link(number: number, next: first))
                }
                _ = try tx.value("list", initial: first)
                var array = try tx.array("tree", of: Tree.self)
                for number in 0 ..< levels {
                    array.append(Tree(number: number))
                    array = array[ref: 0].branches
                }
            }
            try heap.close()
            let (status, output, errors) = try read(golden)
            guard levels < 200 else {
                #expect(status == 1 && errors.contains("nested more than 400 levels deep"))
                return
            }
            let again = try golden.open()
            #expect(try output.split(separator: "\n") == golden.lines(of: again, knowing: []))
            try again.close()
        }

        /// It prints only verified data.
        @Test func findsDamage() throws {
            for (offset, says) in [
                (0x5040, "page 5 "), (0x4010, "page 4, of checksums"), (0x8040, "page 8 "),
                (0xf000, "behind the heap's end"),
            ] {
                let golden = try Golden("tiny")
                var bytes = try golden.bytes()
                bytes[offset] ^= 1
                try golden.write(bytes)
                let (status, output, errors) = try read(golden)
                #expect(status == 1 && output == "" && errors.contains(says))
            }
            let cut = try Golden("tiny")
            try cut.write(try cut.bytes().prefix(40_000))
            #expect(try read(cut).errors.contains("cut short"))
            let killed = try Golden("killed", withShared: false)
            var log = try killed.bytes("-log")
            // In the second of three records that were made durable together: the chain ends before
            // it.
            let second = try #require(log.range(of: Data("transaction number 1".utf8))).lowerBound
            log[second] ^= 1
            try killed.write(log, "-log")
            let output = try read(killed).output
            #expect(output.contains("number 0") && !output.contains("number 1"))
            // The pages that a checkpoint has begun to write must be in the log.
            let torn = try Golden("torn")
            log = try torn.bytes("-log")
            log[try #require(log.range(of: Data("transaction number 39".utf8))).lowerBound] ^= 1
            try torn.write(log, "-log")
            #expect(
                try read(torn).errors.contains("ends before the position that a checkpoint needs"))
        }
    }
}
