import Foundation
import Holdfast
import HoldfastEngine
import HoldfastFormat
import HoldfastInspection
import test_worker
import Testing
import TestSupport

extension GoldenTests {
    /// The format page's statements about versions, and its example.
    @Suite struct VersionTests {
        private static let page = packageFolder.appending(path: "Docs/FileFormat.md")

        /// Changes copies of a header, and recomputes their checksums.
        private func change(
            _ golden: Golden, _ suffix: String = "", copies: [Int] = [0, 1], checksumAt: Int = 504,
            _ change: (inout [UInt8]) -> Void
        ) throws {
            var bytes = try golden.bytes(suffix)
            for copy in copies {
                let place = copy * HeapLayout.pageBytes ..< copy * HeapLayout.pageBytes + checksumAt
                var header = [UInt8](bytes[place])
                change(&header)
                let sum = header.withUnsafeBytes { Checksum.of($0, seed: 0x686F_6C64_6661_7374) }
                bytes.replaceSubrange(place, with: header)
                for index in 0 ..< 8 {
                    bytes[place.upperBound + index] = UInt8(
                        truncatingIfNeeded: sum >> UInt64(index * 8))
                }
            }
            try golden.write(bytes, suffix)
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
            try change(golden, copies: copies) { $0[8] = 3 }
            try expectRefused(golden, .newerFormat(path: golden.path, found: 3, supported: 2))
        }

        @Test func versionsBeforeTheFirstAreDamage() throws {
            let golden = try Golden("tiny")
            try change(golden) { $0[8] = 0 }
            try expectRefused(golden, .damagedHeader(path: golden.path))
        }

        @Test func newerLogsAreRefused() throws {
            let golden = try Golden("killed", withShared: false)
            try change(golden, "-log", checksumAt: 120) { $0[8] = 4 }
            let log = try golden.bytes("-log")
            try expectRefused(
                golden, .newerFormat(path: golden.path + "-log", found: 4, supported: 3))
            #expect(try golden.bytes("-log") == log)
        }

        @Test func theOtherByteOrderIsRefused() throws {
            let golden = try Golden("tiny")
            try change(golden) { $0[12 ..< 16].reverse() }
            try expectRefused(golden, .foreignByteOrder(path: golden.path))
        }

        /// Reserved bytes are ignored, so that later versions have room.
        @Test func reservedBytesAreIgnored() throws {
            let golden = try Golden("tiny")
            try change(golden) {
                $0[89] = 0xff
                for index in Array(92 ..< 96) + Array(136 ..< 256) + Array(384 ..< 504) {
                    $0[index] = 0xff
                }
            }
            for mode in [OpenMode.readOnly, .readWrite] {
                let heap = try golden.open(mode)
                let check = try heap.check()
                #expect(check.isSound)
                #expect(try golden.lines(of: heap, knowing: []) == Golden.lines("tiny"))
                try heap.close()
            }
        }

        /// The heap shown on the page, line by line, is the golden one; and its errors are the
        /// program's.
        @Test func thePageShowsTheTinyHeap() throws {
            let text = try Golden.text(Self.page)
            let shown = text.split(separator: "\n").filter {
                $0.prefix { $0.isHexDigit }.count == 8 && $0.contains(": ")
            }
            let lines = try Golden.packed("tiny.heap").split(separator: "\n")
            // All but the second copy of the header, and the line that determines the file's
            // length.
            #expect(
                shown
                    == lines.filter {
                        !$0.hasPrefix("000010") && !$0.hasPrefix("000011")
                            && !$0.hasPrefix("0000ffe0")
                    })
            for name in [
                "newerFormat(path:found:supported:)", "damagedHeader(path:)",
                "unknownFeatures(path:features:mayBeRead:)",
                "usedByOtherVersion(path:found:features:)",
            ] {
                #expect(text.contains("`HeapError.\(name)`"))
            }
            #expect(text.hasPrefix("# File format, version \(HeapLayout.formatVersion)\n"))
        }

        /// The hash of no bytes is stored in files, and must not depend on whether they have an
        /// address.
        @Test func noBytesHaveOneHash() {
            let seed = HeapIdentity(high: 1, low: 2)
            let somewhere = [UInt8](repeating: 7, count: 8).withUnsafeBytes {
                StableHash.hash(UnsafeRawBufferPointer(rebasing: $0[3 ..< 3]), seed: seed)
            }
            #expect(
                StableHash.hash(UnsafeRawBufferPointer(start: nil, count: 0), seed: seed)
                    == somewhere)
        }

        /// Dumps of heaps reproduce their bytes exactly.
        @Test func dumpsComeBack() throws {
            for bytes in [
                Data(), Data([1]), Data(count: 100),
                Data((0 ..< 200).map { UInt8($0) }) + Data(count: 64),
            ] {
                #expect(HexDump.bytes(of: HexDump.text(of: bytes)) == bytes)
            }
            for text in ["00000000 0102", "xx: 01", "00000020: 01\n00000000: 02", "00000000: 012"] {
                #expect(HexDump.bytes(of: text) == nil)
            }
        }
    }
}
