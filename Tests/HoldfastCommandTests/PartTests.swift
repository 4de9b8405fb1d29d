import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// What `show` says of enums, of damage beside and in what it shows, and of unfinished changes.
@Suite(.progress) struct PartTests {
    @Persistable enum Size: Int, PersistableKey { case small = 1, large = 7 }
    @Persistable enum Mark: String { case red, green = "g" }
    @Persistable enum Deed {
        case none
        case paid(Int)
        case moved(from: String, to: String)
    }
    enum Side { case left, right }
    @Persistable(.plain) struct Spot { var x: Int; var side: Side }
    @Persistable struct Part {
        var name: String
        var size: Size
        var mark: Mark
        var deed: Deed
        var spot: Spot
        var price: Decimal
        var range: ClosedRange<Int>
    }

    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "parts.heap")
        path = folder.file("parts.heap")
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let parts = try tx.array("parts", of: Part.self)
            for number in 0 ..< 400 {
                parts.append(
                    Part(
                        name: "the part with the number \(number)", size: .large,
                        mark: number % 2 == 0 ? .red : .green,
                        deed: number % 2 == 0 ? .paid(number) : .moved(from: "a", to: "b"),
                        spot: Spot(x: number, side: .right), price: Decimal(number) / 4,
                        range: 1 ... number + 1))
            }
            let sizes = try tx.map("sizes", Size.self, Int.self)
            sizes[.small] = 1
        }
        try heap.close()
    }

    private func show(_ way: String) throws -> String {
        let outcome = try Command.run("show", path, way)
        #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome)")
        return String(outcome.output.dropLast())
    }

    @Test func casesHaveNames() throws {
        #expect(try show("parts[2].size") == "parts[2].size =  .large")
        #expect(try show("parts[2].deed") == "parts[2].deed =  .paid(2)")
        #expect(try show("parts[3].deed").hasSuffix("=  .moved(from: \"a\", to: \"b\")"))
        #expect(try show("parts[2].mark").hasSuffix("=  .red"))
        // Of a raw value that is not the case's name, the heap notes no name.
        #expect(try show("parts[3].mark").hasSuffix("=  Mark(rawValue: \"g\")"))
        #expect(try show("parts[2].spot.side").hasSuffix("=  .right"))
        #expect(try show("parts[3].price").hasSuffix("=  0.75"))
        #expect(try show("parts[3].range").hasSuffix("=  1...4"))
        #expect(try show("sizes.small") == "sizes.small =  1")
        #expect(try show("sizes[1]") == "sizes[1] =  1")
        let line = try show("parts").split(separator: "\n")[1]
        #expect(line.contains("size: .large") && line.contains("side: .right"))
    }

    /// Damage is an error where it would be shown, and none elsewhere.
    @Test func damageBesideWhatIsShown() throws {
        var bytes = try Data(contentsOf: URL(filePath: path))
        let place = try Inventory.offset(of: Array("number 399".utf8), in: bytes)
        bytes[place] = UInt8(ascii: "N")
        try bytes.write(to: URL(filePath: path))
        #expect(try show("parts[0].name").contains("number 0"))
        let outcome = try Command.run("show", path, "parts[399].name")
        #expect(
            outcome.status == 1 && outcome.output.isEmpty
                && outcome.error.contains("does not match its checksum")
                && outcome.error.contains("holdfast check"), "\(outcome)")
        let trusted = try Command.run("show", path, "parts[399].name", "--trust")
        #expect(trusted.status == 0 && trusted.output.contains("Number 399"))
    }

    /// Whatever is wrong, `show` ends with a status of its own.
    @Test func damageNeverEndsShow() throws {
        let sound = try Data(contentsOf: URL(filePath: path))
        var random = SplitMix(state: 5)
        for _ in 0 ..< TestExtent.choose(quick: 12, full: 300) {
            var bytes = sound
            for _ in 0 ..< 2000 {
                let place = Int.random(in: 3 << 12 ..< bytes.count, using: &random)
                bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            try bytes.write(to: URL(filePath: path))
            for way in ["parts", "parts[77].deed", "sizes", "sizes.small"] {
                let outcome = try Command.run("show", path, way)
                #expect(outcome.status == 0 || outcome.status == 1, "\(way) \(outcome)")
            }
        }
    }

    /// A root in the middle of a conversion says so.
    @Test func unfinishedChangesAreNamed() throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            _ = try tx.value("old cursor", initial: 3)
            let catalogue = RootCatalogue(tx.access)
            let entry = try #require(catalogue.entry("old cursor"))
            catalogue.add(
                "\0cursor of parts", describedAs: entry.description,
                fingerprint: TypeRegistry.fingerprint(of: entry.description), at: entry.offset)
        }
        try heap.close()
        let outcome = try Command.run("show", path, "parts[1].name")
        #expect(
            outcome.status == 0 && outcome.output.contains("number 1")
                && outcome.error.contains("\"parts\" is being changed"), "\(outcome)")
        let info = try Command.run("info", path)
        #expect(info.output.contains("parts") && info.error.contains("is being changed"))
    }
}
