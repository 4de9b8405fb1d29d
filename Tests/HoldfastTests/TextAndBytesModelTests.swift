import Foundation
import Holdfast
import Testing
import TestSupport

/// Texts, bytes and bit sets compared with `String`, `[UInt8]` and `Set`.
@Suite(.progress) struct TextAndBytesModelTests {
    // MARK: Texts

    /// A place at or behind a random one that is not inside a scalar.
    private func place(_ model: String, _ random: inout SplitMix) -> Int {
        var index = model.utf8.index(model.startIndex, offsetBy: random.below(model.utf8.count + 1))
        while index.samePosition(in: model.unicodeScalars) == nil {
            index = model.utf8.index(after: index)
        }
        return model.utf8.distance(from: model.startIndex, to: index)
    }

    private func at(_ offset: Int, _ model: String) -> String.Index {
        model.utf8.index(model.startIndex, offsetBy: offset)
    }

    private func change(_ text: PersistentString, _ model: inout String, _ random: inout SplitMix) {
        let some =
            random.text() + (random.below(4) == 0 ? "\r\n" : "")
            + (random.below(8) == 0 ? "👨‍👩‍👧🇩🇪" : "")
        switch random.below(model.utf8.count > 600 ? 14 : 10) {
        case 0 ... 1:
            text.append(some)
            model += some
        case 2:
            let offset = place(model, &random)
            text.insert(some, at: offset)
            model.unicodeScalars.insert(contentsOf: some.unicodeScalars, at: at(offset, model))
        case 3, 10 ... 12:
            let (first, second) = (place(model, &random), place(model, &random))
            let range = min(first, second) ..< max(first, second)
            text.removeSubrange(range)
            model.unicodeScalars.removeSubrange(
                at(range.lowerBound, model) ..< at(range.upperBound, model))
        case 4:
            let first = place(model, &random)
            let range = first ..< max(first, place(model, &random))
            if text[range]
                != String(
                    model.unicodeScalars[
                        at(range.lowerBound, model) ..< at(range.upperBound, model)])
            {
                Issue.record("part of a text")
            }
            text.replaceSubrange(range, with: some)
            model.unicodeScalars.replaceSubrange(
                at(range.lowerBound, model) ..< at(range.upperBound, model),
                with: some.unicodeScalars)
        case 5:
            let needle = ["e", "15", "é", "block", "n\u{65}"][random.below(5)]
            let bytes = Array(model.utf8)
            let count = text.replace(needle, with: "[x]")
            model = model.replacingOccurrences(of: needle, with: "[x]", options: .literal)
            if (count > 0) != (bytes != Array(model.utf8)) {
                Issue.record("number of replacements")
            }
        case 6:
            if text.contains(some)
                != (model.range(of: some, options: .literal) != nil || some.isEmpty)
            {
                Issue.record("contains")
            }
            if !text.hasPrefix(String(model.unicodeScalars.prefix(9)))
                || !text.hasSuffix(String(model.unicodeScalars.suffix(9)))
            {
                Issue.record("prefix or suffix")
            }
        case 7:
            if !text.characters.elementsEqual(model) { Issue.record("characters") }
            var lines = model.split(separator: "\n", omittingEmptySubsequences: false).flatMap {
                $0.split(separator: "\r\n" as Character, omittingEmptySubsequences: false)
            }
            if lines.last == "" { lines.removeLast() }
            if !text.lines.elementsEqual(lines.map(String.init)) { Issue.record("lines") }
        case 8 where random.below(20) == 0:
            text.string = some
            model = some
        case 13:
            let offset = place(model, &random)
            text.truncate(to: offset)
            model = String(model.unicodeScalars[..<at(offset, model)])
        default:
            let other = model + some
            if text == other && !some.isEmpty || !(text == model) || text < other && other < model {
                Issue.record("comparison")
            }
        }
        if text.utf8Count != model.utf8.count { Issue.record("count of a text") }
    }

    @Test func texts() throws {
        try ModelRun(operations: TestExtent.choose(quick: 50_000, full: 200_000))(
            seed: 11, "", handles: { tx in try tx.string("text") },
            change: { change($0, &$1, &$2) },
            compare: { text, model in text.string.utf8.elementsEqual(model.utf8) },
            remove: { tx in _ = try tx.removeRoot("text", PersistentString.self) })
    }

    // MARK: Bytes

    private func change(_ bytes: PersistentBytes, _ model: inout [UInt8], _ random: inout SplitMix)
    {
        let some = (0 ..< random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let offset = random.below(model.count + 1)
        switch random.below(model.count > 20_000 ? 14 : 11) {
        case 0:
            bytes.append(contentsOf: Data(some))
            model += some
        case 1:
            let number = bytes.append(upTo: 300) { (place: UnsafeMutableBufferPointer<UInt8>) in
                place.update(fromContentsOf: some)
            }
            if number != some.count { Issue.record("number of bytes") }
            model += some
        case 2 ... 3:
            bytes.write(some, at: offset)
            model.replaceSubrange(offset ..< min(offset + some.count, model.count), with: some)
        case 4:
            bytes.write(Data(some), at: offset)
            model.replaceSubrange(offset ..< min(offset + some.count, model.count), with: some)
        case 5:
            let range = random.range(in: model.count, longest: 300)
            if bytes.data(in: range) != Data(model[range]) { Issue.record("bytes of \(range)") }
            bytes.replaceSubrange(range, with: some)
            model.replaceSubrange(range, with: some)
        case 6:
            bytes.insert(contentsOf: some, at: offset)
            model.insert(contentsOf: some, at: offset)
        case 7:
            var buffer = [UInt8](repeating: 1, count: 100)
            let number = buffer.withUnsafeMutableBytes { bytes.read(into: $0, at: offset) }
            if !model[offset...].prefix(100).elementsEqual(buffer[..<number]) {
                Issue.record("bytes at \(offset)")
            }
        case 8 where offset < model.count:
            let range = offset ..< min(offset + 9, model.count)
            bytes.withMutableSpan(range) { span in for index in span.indices { span[index] ^= 0xff }
            }
            for index in range { model[index] ^= 0xff }
        case 9:
            let count = max(0, model.count - 300) + random.below(600)
            bytes.resize(to: count)
            model = Array((model + [UInt8](repeating: 0, count: 600)).prefix(count))
        case 11 ... 13:
            bytes.truncate(to: offset)
            model.removeSubrange(offset...)
        default:
            let range = random.range(in: model.count, longest: 300)
            bytes.removeSubrange(range)
            model.removeSubrange(range)
        }
        if bytes.count != model.count || bytes.last != model.last {
            Issue.record("count or last byte")
        }
    }

    @Test func bytes() throws {
        try ModelRun(operations: TestExtent.choose(quick: 50_000, full: 200_000))(
            seed: 12, [UInt8](), handles: { tx in try tx.bytes("bytes") },
            change: { change($0, &$1, &$2) },
            compare: { bytes, model in
                bytes == model && bytes.data == Data(model)
                    && bytes.chunks(of: 1000).reduce(into: Data()) { $0 += $1 } == Data(model)
            },
            remove: { tx in _ = try tx.removeRoot("bytes", PersistentBytes.self) })
    }

    // MARK: Bit sets

    private struct Bits {
        var one: PersistentBitSet
        var other: PersistentBitSet
    }

    private struct BitsModel {
        var one: Set<Int> = []
        var other: Set<Int> = []
    }

    private func change(_ bits: Bits, _ model: inout BitsModel, _ random: inout SplitMix) {
        let number = random.below(random.below(3) == 0 ? 2000 : 200)
        let range = number ..< number + random.below(150)
        switch random.below(30) {
        case 0: bits.one.formUnion(bits.other); model.one.formUnion(model.other)
        case 1: bits.one.formIntersection(bits.other); model.one.formIntersection(model.other)
        case 2: bits.one.subtract(bits.other); model.one.subtract(model.other)
        case 3:
            bits.one.formSymmetricDifference(bits.other);
            model.one.formSymmetricDifference(model.other)
        case 4: bits.other.subtract(bits.one); model.other.subtract(model.one)
        case 5: bits.other.insert(range); model.other.formUnion(range)
        case 6: bits.one.insert(range); model.one.formUnion(range)
        case 7: bits.one.remove(range); model.one.subtract(range)
        case 8: bits.other.remove(range); model.other.subtract(range)
        case 9:
            bits.one.removeAll { $0 % 3 == number % 3 };
            model.one = model.one.filter { $0 % 3 != number % 3 }
        case 10 where number < 5: bits.one.removeAll(); model.one.removeAll()
        case 11:
            let joined = bits.one.ranges.flatMap { $0 }
            if joined != model.one.sorted()
                || zip(bits.one.ranges, bits.one.ranges.dropFirst()).contains(where: {
                    $0.upperBound >= $1.lowerBound
                })
            {
                Issue.record("ranges")
            }
        case 12:
            if bits.one.isSubset(of: bits.other) != model.one.isSubset(of: model.other)
                || (bits.one == bits.other) != (model.one == model.other)
                || bits.one.isDisjoint(with: bits.other) != model.one.isDisjoint(with: model.other)
            {
                Issue.record("relations")
            }
        case 13 ... 20:
            if bits.one.remove(number) != model.one.remove(number) {
                Issue.record("whether \(number) was there")
            }
        default:
            if bits.one.insert(number).inserted != model.one.insert(number).inserted {
                Issue.record("whether \(number) was new")
            }
        }
        if bits.one.contains(number) != model.one.contains(number)
            || bits.one.max() != model.one.max()
            || bits.one.isEmpty != model.one.isEmpty
        {
            Issue.record("a bit set after a change of \(number)")
        }
    }

    @Test func bitSets() throws {
        try ModelRun(operations: TestExtent.choose(quick: 50_000, full: 200_000))(
            seed: 13, BitsModel(),
            handles: { tx in Bits(one: try tx.bitSet("one"), other: try tx.bitSet("other")) },
            change: { change($0, &$1, &$2) },
            compare: { bits, model in
                bits.one.elementsEqual(model.one.sorted())
                    && bits.other.elementsEqual(model.other.sorted())
                    && bits.one.count == model.one.count && bits.one.min() == model.one.min()
            },
            remove: { tx in
                _ = try tx.removeRoot("one", PersistentBitSet.self)
                _ = try tx.removeRoot("other", PersistentBitSet.self)
            })
    }
}
