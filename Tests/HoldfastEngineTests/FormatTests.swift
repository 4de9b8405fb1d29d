import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// The headers of heap and log, byte by byte, and the checksum that guards them.
@Suite(.progress) struct FormatTests {
    private var sample: HeapHeader {
        var header = HeapHeader(
            identity: HeapIdentity(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210),
            hashSeed: HeapIdentity(high: 3, low: 4))
        header.sequence = 12
        header.checkpointPosition = 640
        header.checkpointChain = 0xdead_beef_0000_0001
        header.logEpoch = 99
        header.commitNumber = 17
        header.heapPages = 1234
        header.logInUse = true
        header.creationTime = 1_700_000_000
        header.checkpointTime = 1_700_000_001
        return header
    }

    private func decode(_ bytes: [UInt8]) -> HeapHeader.Reading {
        bytes.withUnsafeBytes { HeapHeader.decode($0) }
    }

    @Test func headerComesBackAsItWas() {
        #expect(decode(sample.encoded()) == .header(sample))
        #expect(sample.encoded().count == HeapHeader.byteCount)
    }

    /// The fields that an older program reads first, fixed for all versions.
    @Test func headerBeginsAsDocumented() {
        let bytes = sample.encoded()
        #expect(bytes[..<8] == [0x89, 0x48, 0x46, 0x53, 0x54, 0x0d, 0x0a, 0x1a])
        #expect(bytes[8 ..< 12] == [1, 0, 0, 0])
        #expect(bytes[12 ..< 16] == [4, 3, 2, 1])
        #expect(bytes[16 ..< 24] == [0, 16, 0, 0, 64, 0, 0, 0])
        #expect(bytes[24 ..< 32] == [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01])
    }

    /// Every flipped bit is detected, and none is taken for another version or byte order.
    @Test func everyFlippedBitIsFound() {
        let bytes = sample.encoded()
        for bit in 0 ..< HeapHeader.byteCount * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let expected: HeapHeader.Reading = bit < 64 ? .notAHeader : .damaged
            guard decode(damaged) == expected else {
                Issue.record("bit \(bit): \(decode(damaged))")
                return
            }
        }
    }

    @Test func everyFlippedBitOfALogHeaderIsFound() {
        let header = LogHeader(
            identity: sample.identity, epoch: 5, capacity: 65_536, requiredPosition: 800,
            sequence: 3)
        let bytes = header.encoded()
        #expect(bytes.withUnsafeBytes { LogHeader.decode($0) } == .header(header))
        for bit in 0 ..< bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            guard damaged.withUnsafeBytes({ LogHeader.decode($0) }) == .none else {
                Issue.record("bit \(bit)")
                return
            }
        }
    }

    @Test func otherVersionsAndByteOrdersAreTold() {
        var newer = sample
        newer.formatVersion = 3
        #expect(decode(newer.encoded()) == .newerFormat(3))
        var foreign = sample.encoded()
        foreign.replaceSubrange(12 ..< 16, with: [1, 2, 3, 4])
        #expect(decode(foreign) == .foreignByteOrder)
        #expect(decode([]) == .notAHeader)
        #expect(decode(Array(sample.encoded()[..<255])) == .notAHeader)
        #expect(decode([UInt8](repeating: 0, count: 4096)) == .notAHeader)
    }

    /// Impossible numbers under a right checksum: damaged, not used.
    @Test func senselessNumbersAreRefused() {
        var tooFew = sample
        tooFew.heapPages = HeapLayout.initialPages - 1
        #expect(decode(tooFew.encoded()) == .damaged)
        var tooMany = sample
        tooMany.heapPages = HeapLayout.maximumBytes >> HeapLayout.pageShift + 1
        #expect(decode(tooMany.encoded()) == .damaged)
        var older = sample
        older.formatVersion = 0
        #expect(decode(older.encoded()) == .damaged)
    }

    /// The newer of two valid copies wins; a damaged one is skipped; a newer program's heap is not
    /// touched.
    @Test func theNewerCopyCounts() {
        var newer = sample
        newer.sequence += 1
        #expect(HeapHeader.current([.header(sample), .header(newer)]) == .header(newer))
        #expect(HeapHeader.current([.header(newer), .header(sample)]) == .header(newer))
        #expect(HeapHeader.current([.damaged, .header(sample)]) == .header(sample))
        #expect(HeapHeader.current([.header(sample), .notAHeader]) == .header(sample))
        #expect(HeapHeader.current([.header(sample), .newerFormat(7)]) == .newerFormat(7))
        #expect(HeapHeader.current([.foreignByteOrder, .foreignByteOrder]) == .foreignByteOrder)
        #expect(HeapHeader.current([.damaged, .notAHeader]) == .damaged)
        #expect(HeapHeader.current([.notAHeader, .notAHeader]) == .notAHeader)
    }

    @Test func identityIsWrittenAsHexadecimal() {
        #expect(HeapIdentity(high: 0xab, low: 1).description == "00000000000000ab0000000000000001")
    }
}

/// The checksum against a slow implementation of its definition, which the CPU's instruction and
/// the tables must agree with.
@Suite(.progress) struct ChecksumTests {
    /// CRC-32C bit by bit: reflected Castagnoli polynomial, no inversion.
    private func step(_ crc: UInt32, _ word: ArraySlice<UInt8>) -> UInt32 {
        var crc = crc
        for index in 0 ..< 8 {
            let place = word.startIndex + index
            crc ^= place < word.endIndex ? UInt32(word[place]) : 0
            for _ in 0 ..< 8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82f6_3b78 : 0) }
        }
        return crc
    }

    private func reference(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        var lanes = (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32))
        for start in stride(from: 0, to: bytes.count, by: 8) {
            let word = bytes[start ..< min(start + 8, bytes.count)]
            if start / 8 % 2 == 0 {
                lanes.0 = step(lanes.0, word)
            } else {
                lanes.1 = step(lanes.1, word)
            }
        }
        return UInt64(lanes.1) << 32 | UInt64(lanes.0)
    }

    private func checksum(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
        bytes.withUnsafeBytes { Checksum.of($0, seed: seed) }
    }

    /// RFC 3720, B.4, with the inversions of the standard, which this checksum leaves to its seed.
    /// Feeding each word alone combines the two lanes into one.
    @Test func agreesWithThePublishedValue() {
        func standard(_ bytes: [UInt8]) -> UInt32 {
            var crc: UInt64 = 0xffff_ffff
            for start in stride(from: 0, to: bytes.count, by: 8) {
                crc = checksum(Array(bytes[start ..< start + 8]), seed: crc)
            }
            return ~UInt32(truncatingIfNeeded: crc)
        }
        #expect(standard([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(standard([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(standard(Array(0 ..< 32)) == 0x46dd_794e)
    }

    @Test func agreesWithTheDefinition() {
        for count in Array(0 ... 130) + [255, 256, 1000, 4095, 4096] {
            let seed = UInt64.random(in: 0 ... .max)
            let bytes = (0 ..< count).map { _ in UInt8.random(in: 0 ... 255) }
            #expect(
                checksum(bytes, seed: seed) == reference(bytes, seed: seed),
                "\(count) bytes, seed \(seed)")
        }
    }

    /// The alignment in memory makes no difference.
    @Test func anyAlignmentGivesTheSame() {
        let bytes = (0 ..< 200).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for shift in 1 ..< 16 {
            let moved = [UInt8](repeating: 1, count: shift) + bytes
            let found = moved.withUnsafeBytes {
                Checksum.of(UnsafeRawBufferPointer(rebasing: $0[shift...]), seed: 3)
            }
            #expect(found == checksum(bytes, seed: 3))
        }
    }
}
