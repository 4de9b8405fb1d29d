import Foundation
import GoldenHeaps
import Holdfast
import HoldfastEngine
import Testing

extension GoldenTests {
    /// What the page on the format says of versions, and what it shows.
    @Suite struct VersionTests {
        private static let page = Golden.root.appending(path: "Docs/FileFormat.md")

        /// Writes a version into copies of a header, and their checksums.
        private func setVersion(_ version: UInt32, _ golden: Golden, _ suffix: String = "", copies: [Int], checksumAt: Int) throws
        {
            var bytes = [UInt8](try golden.bytes(suffix))
            for copy in copies {
                let start = copy * HeapLayout.pageBytes
                for index in 0 ..< 4 { bytes[start + 8 + index] = UInt8(truncatingIfNeeded: version >> UInt32(index * 8)) }
                let sum = bytes[start ..< start + checksumAt].withUnsafeBytes { Checksum.of($0, seed: 0x686F_6C64_6661_7374) }
                for index in 0 ..< 8 { bytes[start + checksumAt + index] = UInt8(truncatingIfNeeded: sum >> UInt64(index * 8)) }
            }
            try golden.write(Data(bytes), suffix)
        }

        private func expectRefused(_ golden: Golden, _ expected: HeapError) throws {
            let before = try golden.bytes()
            for mode in [OpenMode.readOnly, .readWrite] {
                #expect(throws: expected) { try golden.open(mode) }
                #expect(try golden.bytes() == before)
            }
        }

        @Test(arguments: [[0, 1], [0], [1]]) func newerFilesAreRefused(copies: [Int]) throws {
            let golden = try Golden("tiny")
            try setVersion(2, golden, copies: copies, checksumAt: 504)
            try expectRefused(golden, .newerFormat(path: golden.path, found: 2, supported: 1))
        }

        @Test func versionsBeforeTheFirstAreDamage() throws {
            let golden = try Golden("tiny")
            try setVersion(0, golden, copies: [0, 1], checksumAt: 504)
            try expectRefused(golden, .damagedHeader(path: golden.path))
        }

        @Test func newerLogsAreRefused() throws {
            let golden = try Golden("killed", withShared: false)
            try setVersion(3, golden, "-log", copies: [0, 1], checksumAt: 120)
            let log = try golden.bytes("-log")
            try expectRefused(golden, .newerFormat(path: golden.path + "-log", found: 3, supported: 2))
            #expect(try golden.bytes("-log") == log)
        }

        /// The heap that the page shows, line by line, is the golden one; and its errors are the program's.
        @Test func thePageShowsTheTinyHeap() throws {
            let text = try Golden.text(Self.page)
            let shown = text.split(separator: "\n").filter { $0.prefix { $0.isHexDigit }.count == 8 && $0.contains(": ") }
            let lines = try Golden.packed("tiny.heap").split(separator: "\n")
            // All but the second copy of the header, and the line that says how long the file is.
            #expect(shown == lines.filter { !$0.hasPrefix("000010") && !$0.hasPrefix("000011") && !$0.hasPrefix("0000ffe0") })
            for name in ["newerFormat(path:found:supported:)", "damagedHeader(path:)"] {
                #expect(text.contains("`HeapError.\(name)`"))
            }
            #expect(text.hasPrefix("# File format, version \(HeapLayout.formatVersion)\n"))
        }

        /// The hash of no bytes stands in files, and cannot depend on whether they have an address.
        @Test func noBytesHaveOneHash() {
            let seed = HeapIdentity(high: 1, low: 2)
            let somewhere = [UInt8](repeating: 7, count: 8).withUnsafeBytes {
                StableHash.hash(UnsafeRawBufferPointer(rebasing: $0[3 ..< 3]), seed: seed)
            }
            #expect(StableHash.hash(UnsafeRawBufferPointer(start: nil, count: 0), seed: seed) == somewhere)
        }

        /// Texts of heaps are their bytes, to the last.
        @Test func dumpsComeBack() throws {
            for bytes in [Data(), Data([1]), Data(count: 100), Data((0 ..< 200).map { UInt8($0) }) + Data(count: 64)] {
                #expect(HexDump.bytes(of: HexDump.text(of: bytes)) == bytes)
            }
            for text in ["00000000 0102", "xx: 01", "00000020: 01\n00000000: 02", "00000000: 012"] {
                #expect(HexDump.bytes(of: text) == nil)
            }
        }
    }
}
