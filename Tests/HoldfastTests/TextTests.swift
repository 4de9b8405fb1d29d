import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast

/// Texts, bytes and bit sets of a heap in edge cases.
@Suite(.progress) struct TextTests {
    @Test func comparingAsStringsDo() throws {
        try PersistentHeap.inMemory().write { tx in
            let composed = try tx.string("composed")
            let decomposed = try tx.string("decomposed")
            composed.append("caf\u{E9}")
            decomposed.append("cafe\u{301}")
            #expect(
                composed == decomposed && composed == "cafe\u{301}"
                    && composed.hashValue == decomposed.hashValue)
            #expect(
                !(composed < decomposed) && !(decomposed < composed) && composed.utf8Count == 5
                    && decomposed.utf8Count == 6)
            #expect(composed < "d" && composed > "b" && composed != "cafe")
            decomposed.append("!")
            #expect(composed < decomposed && composed != decomposed)
            #expect(
                composed.debugDescription == "\"caf\u{E9}\"" && PersistentString().description == ""
            )
            #expect(PersistentString() == PersistentString())
        }
    }

    /// Short strings are made without decoding, so they must equal, bit for bit, the strings that
    /// Swift makes from the same bytes.
    @Test func shortTextsAreSwiftsOwn() throws {
        #expect(SmallText.isKnown, "another form of strings: all goes well, but slower")
        let heap = try PersistentHeap.inMemory()
        for text in [
            "abcdefghijklmnopqrst", "äöüßéèêëñçøåæœïî", "a\0b\0\0", "\0", "日本語の文字", "e\u{301}",
        ] {
            for count in 0 ... text.count {
                let part = String(text.prefix(count))
                let loaded = try heap.write { tx in
                    let value = try tx.value("text", initial: "")
                    value.value = part
                    return value.value
                }
                #expect(
                    loaded == part && loaded.hashValue == part.hashValue
                        && Array(loaded.utf8) == Array(part.utf8))
                guard part.utf8.count <= 15 else { continue }
                let swifts = String(decoding: Array(part.utf8), as: UTF8.self)
                #expect(
                    unsafeBitCast(loaded, to: StoredBytes.self).low
                        == unsafeBitCast(swifts, to: StoredBytes.self).low)
                #expect(
                    unsafeBitCast(loaded, to: StoredBytes.self).high
                        == unsafeBitCast(swifts, to: StoredBytes.self).high)
            }
        }
    }

    /// Bytes behind the end of a short string, as a damaged file may have, are not part of it.
    @Test func bytesBehindShortTexts() throws {
        for count in 0 ... 15 {
            let bytes = Array("abcdefghijklmno".utf8)
            var words = StoredBytes()
            withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
            words.high |= UInt64(count) << 56
            #expect(SmallText.string(words) == String("abcdefghijklmno".prefix(count)))
            // None of them remain: Swift compares and hashes such strings as raw words.
            let swifts = unsafeBitCast(
                String(decoding: bytes.prefix(count), as: UTF8.self), to: StoredBytes.self)
            let made = unsafeBitCast(SmallText.string(words), to: StoredBytes.self)
            #expect(made.low == swifts.low && made.high == swifts.high)
        }
        #expect(SmallText.string(StoredBytes(low: 0, high: 0x10 << 56)) == nil, "no count")
        #expect(
            SmallText.string(StoredBytes(low: 0x80, high: 1 << 56)) == nil,
            "not ASCII, and not even UTF-8")
    }

    @Test func searchingAndReplacing() throws {
        try PersistentHeap.inMemory().write { tx in
            let text = try tx.string("text")
            text.string = "aaaa bäb caf\u{E9} aab"
            #expect(text.range(of: "aab") == 16 ..< 19 && text.range(of: "aab", from: 17) == nil)
            #expect(
                text.ranges(of: "aa") == [0 ..< 2, 2 ..< 4, 16 ..< 18] && text.ranges(of: "") == [])
            #expect(text.range(of: "", from: 18) == 18 ..< 18 && text.range(of: "e\u{301}") == nil)
            let place = text.range(of: "ä")!
            text.replaceSubrange(place, with: "ae")
            text.insert(">", at: 0)
            #expect(
                text == ">aaaa baeb caf\u{E9} aab"
                    && text[place.lowerBound + 1 ..< place.upperBound + 1] == "ae")
            #expect(text.replace("aa", with: "a") == 3 && text == ">aa baeb caf\u{E9} ab")
            #expect(text.replace("\u{E9}", with: "") == 1 && text.replace("none", with: "x") == 0)
            #expect(
                text.hasPrefix(">aa") && text.hasSuffix(" ab") && !text.hasPrefix("aa")
                    && text[10...] == "af ab")
            text.append(text)
            #expect(text == ">aa baeb caf ab>aa baeb caf ab")
            let (count, isASCII) = text.withUTF8Span { span in (span.count, span.isKnownASCII) }
            #expect(count == 30 && isASCII)
        }
    }

    /// Texts are read in parts of 256 bytes; no character is split at the end of a part.
    @Test func charactersAcrossParts() throws {
        try PersistentHeap.inMemory().write { tx in
            let text = try tx.string("text")
            for padding in 240 ..< 262 {
                let string =
                    String(repeating: "x", count: padding) + "👨‍👩‍👧‍👦e\u{301}\r\n🇩🇪🇫🇷"
                    + String(repeating: "\u{301}", count: 600) + "end"
                text.string = string
                #expect(text.characters.elementsEqual(string))
            }
        }
    }

    @Test func bytesFromAStream() throws {
        struct Broken: Error {}
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let bytes = try tx.bytes("bytes")
            let stream = InputStream(
                data: Data((0 ..< 100_000).map { UInt8(truncatingIfNeeded: $0) }))
            stream.open()
            while bytes.append(
                upTo: 4096, reading: { stream.read($0.baseAddress!, maxLength: $0.count) }) > 0
            {}
            stream.close()
            #expect(
                bytes.count == 100_000
                    && bytes.indices.allSatisfy { bytes[$0] == UInt8(truncatingIfNeeded: $0) })
            #expect(throws: Broken.self) {
                try bytes.append(upTo: 10) { (_: UnsafeMutableBufferPointer<UInt8>) in
                    throw Broken()
                }
            }
            bytes.append(upTo: 3) { (place: inout OutputSpan<UInt8>) in place.append(7) }
            #expect(
                bytes.count == 100_001 && bytes.last == 7 && bytes.description == "100001 bytes")
            bytes.write([1, 2, 3], at: 100_000)
            #expect(Array(bytes.suffix(4)) == [159, 1, 2, 3])
            bytes.append(contentsOf: bytes[..<3])
            #expect(Array(bytes.suffix(4)) == [3, 0, 1, 2])
            let record = try tx.map("nested", String.self, PersistentBytes.self)
            record["copy"] = bytes
            #expect(record["copy"] == bytes && record["copy"]!.hashValue == bytes.hashValue)
            record["copy"]!.truncate(to: 1)
            #expect(
                record["copy"]! == [0] && bytes.count == 100_006
                    && PersistentBytes() == PersistentBytes())
        }
        #expect(try heap.audit().problems == [])
    }

    private struct Page: HeapRecord, Equatable {
        var title: String
        var body = PersistentString()
        var scan = PersistentBytes()
        var links = PersistentBitSet()
        var words = PersistentArray<Int>()
        var index = PersistentMap<String, Int>()
    }

    /// They are fields of records like other collections; a record that is not in a heap yet can be
    /// compared and printed.
    @Test func insideRecords() throws {
        let heap = try PersistentHeap.inMemory()
        let new = Page(title: "a title of more than fifteen bytes")
        #expect(new == Page(title: new.title) && "\(new)".contains("0 bytes"))
        try heap.write { tx in
            let pages = try tx.map("pages", Int.self, Page.self)
            pages[1] = new
            #expect(pages[1] == new && pages[1] != Page(title: ""))
            let page = pages[ref: 1]!
            page.body.append("text")
            page.scan.append(contentsOf: [1, 2])
            page.links.insert(5 ..< 70)
            page.words.append(4)
            page.index["text"] = 4
            pages[2] = pages[1]
            #expect(pages[1] == pages[2])
            pages[ref: 2]!.links.remove(6)
            #expect(
                pages[1] != pages[2] && pages[1]!.links.count == 65 && pages[2]!.body == "text"
                    && pages[2]!.scan == [1, 2])
            pages.removeAll()
            try tx.removeRoot("pages", PersistentMap<Int, Page>.self)
        }
        #expect(try heap.audit().problems == [])
    }

    /// One transaction of many times the log's size.
    @Test func bytesLargerThanTheLog() throws {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        let piece = [UInt8]((0 ..< 1 << 16).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
        try heap.write(durability: .device) { tx in
            let bytes = try tx.bytes("bytes")
            for _ in 0 ..< 128 { bytes.append(contentsOf: piece) }
        }
        try heap.write { tx in
            try tx.bytes("bytes").withMutableSpan(0 ..< 4 << 20) { span in span[5] = 99 }
        }
        try heap.close()
        heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        try heap.read { tx in
            let bytes = try tx.bytes("bytes")
            var expected = Data(piece)
            #expect(bytes.count == 8 << 20 && bytes[5] == 99)
            #expect(bytes.chunks(of: 1 << 16).dropFirst().allSatisfy { $0 == expected })
            expected[5] = 99
            #expect(bytes.chunks(of: 1 << 16).first { _ in true } == expected)
        }
        try heap.close()
    }

    @Test func bitSetsOfBothForms() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let bits = try tx.bitSet("bits")
            let set = try tx.set("set", of: Int.self)
            #expect(
                bits.insert(1_000_000).inserted && !bits.insert(1_000_000).inserted
                    && bits.count == 1
                    && bits.max() == 1_000_000
                    && bits.min() == 1_000_000)
            set.formUnion([1, 64, 1_000_000])
            bits.formUnion(set)
            #expect(
                Array(bits) == [1, 64, 1_000_000] && bits == set
                    && bits.description == "[1, 64, 1000000]")
            bits.formIntersection(0 ..< 100)
            #expect(
                bits.ranges == [1 ..< 2, 64 ..< 65] && !bits.contains(-1) && !bits.contains(.max)
                    && bits.remove(-5) == nil)
            bits.insert(60 ..< 200)
            #expect(bits.ranges == [1 ..< 2, 60 ..< 200] && bits.count == 141)
            bits.remove(-50 ..< 300)
            #expect(
                bits.isEmpty && bits.max() == nil && bits == PersistentBitSet() && bits.ranges == []
            )
        }
    }

    // MARK: Mistakes

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    private static func text(_ body: (PersistentString) throws -> Void) throws {
        try PersistentHeap.inMemory().write { tx in
            let text = try tx.string("text")
            text.append("aé")
            try body(text)
        }
    }

    private static func bytes(_ body: (PersistentBytes) throws -> Void) throws {
        try PersistentHeap.inMemory().write { tx in
            let bytes = try tx.bytes("bytes")
            bytes.append(contentsOf: [1, 2, 3])
            try body(bytes)
        }
    }

    @Test func placesInsideScalars() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.text { $0.insert("x", at: 2) }
        }
        #expect(said("byte offset 2 is inside a Unicode scalar", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.text { $0.truncate(to: 2) }
        }
        #expect(said("byte offset 2 is inside a Unicode scalar", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.text { _ = $0[1 ..< 2] }
        }
        #expect(said("byte offset 2 is inside a Unicode scalar", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.text { _ = $0[0 ..< 4] }
        }
        #expect(said("the range 0..<4 is out of bounds", result))
    }

    @Test func offsetsOutOfBounds() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.bytes { $0.write([1], at: 4) }
        }
        #expect(said("offset 4 is out of bounds; there are 3 bytes", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.bytes { _ = $0.data(in: 2 ..< 4) }
        }
        #expect(said("the range 2..<4 is out of bounds", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.bytes { $0.truncate(to: 4) }
        }
        #expect(said("is out of bounds", result))
        // A size beyond any heap is an error of the transaction.
        #expect(throws: HeapError.self) { try Self.bytes { $0.resize(to: .max) } }
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.bytes { $0.append(upTo: 1) { (_: UnsafeMutableBufferPointer<UInt8>) in 2 } }
        }
        #expect(said("a closure that may write at most 1 bytes returned 2", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.bytes { _ = $0.chunks(of: 0) }
        }
        #expect(said("pieces of 0 bytes", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PersistentHeap.inMemory().write { tx in _ = try tx.bitSet("bits").insert(-1) }
        }
        #expect(said("a bit set cannot hold the negative number -1", result))
        #expect(throws: HeapError.self) {
            try PersistentHeap.inMemory().write { tx in _ = try tx.bitSet("bits").insert(.max) }
        }
    }

    /// A read transaction's values cannot be written through.
    @Test func writingThroughARead() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { try $0.bytes("bytes").append(1) }
            try heap.read { try $0.bytes("bytes").write([2], at: 0) }
        }
        #expect(said("a read transaction was written through", result))
    }
}
