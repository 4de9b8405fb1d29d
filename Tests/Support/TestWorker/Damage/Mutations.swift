import HoldfastEngine
import TestSupport

/// One damage to one of the files of a heap.
enum Mutation: CaseIterable {
    case flipBit, randomBytes, zeroBytes, oneBytes, replaceWord, cut, lengthen, swapPages,
        olderSectors, foreignFile, olderFile

    /// Applies it at a random place; returns a description.
    func apply(
        to files: inout [String: [UInt8]], of base: Base, others: [Base], _ random: inout SplitMix
    ) -> String {
        let present = Base.suffixes.filter { files[Base.path + $0]?.isEmpty == false }
        // Mostly the heap file, which has the most content to damage.
        let suffix =
            Int.random(in: 0 ..< 3, using: &random) > 0
            ? "" : present.randomElement(using: &random) ?? ""
        let name = Base.path + suffix
        guard var bytes = files[name], bytes.count >= 8192 else { return "nothing" }
        files[name] = nil  // Changed in place, without a copy.
        defer { files[name] = bytes }
        let at = Self.place(in: bytes, &random)
        let count = min(1 << Int.random(in: 0 ..< 10, using: &random), bytes.count - at)
        switch self {
        case .flipBit:
            bytes[at] ^= 1 << UInt8.random(in: 0 ..< 8, using: &random)
        case .randomBytes:
            for index in at ..< at + count {
                bytes[index] = UInt8.random(in: 0 ... 255, using: &random)
            }
        case .zeroBytes:
            for index in at ..< at + count { bytes[index] = 0 }
        case .oneBytes:
            for index in at ..< at + count { bytes[index] = 0xff }
        case .replaceWord:
            let place = at / 8 * 8
            let value = Self.word(near: place, bytes.count, &random)
            guard place + 8 <= bytes.count else { return "nothing" }
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: value, toByteOffset: place, as: UInt64.self)
            }
            return "word \(place) of base.heap\(suffix) becomes \(value)"
        case .cut:
            let places = [at, at / 4096 * 4096, at / 65536 * 65536, bytes.count - 1]
            bytes.removeLast(bytes.count - places.randomElement(using: &random)!)
            return "base.heap\(suffix) cut to \(bytes.count)"
        case .lengthen:
            let fill: UInt8 = [0, 0, 0xff, 7].randomElement(using: &random)!
            let more = [1, 4096, 65536, 65536 * 2].randomElement(using: &random)!
            bytes += [UInt8](repeating: fill, count: more)
            return "base.heap\(suffix) lengthened by \(more) bytes of \(fill)"
        case .swapPages:
            let other = Self.place(in: bytes, &random) / 4096 * 4096
            let page = at / 4096 * 4096
            for index in 0 ..< 4096 where page + index < bytes.count && other + index < bytes.count
            {
                bytes.swapAt(page + index, other + index)
            }
            return "pages \(page / 4096) and \(other / 4096) of base.heap\(suffix) swapped"
        case .olderSectors:
            guard let older = base.older[name] else { return "nothing" }
            let start = at / 512 * 512
            let end = min(
                start + 512 * Int.random(in: 1 ... 8, using: &random), older.count, bytes.count)
            if start < end { bytes.replaceSubrange(start ..< end, with: older[start ..< end]) }
            return "bytes \(start)..<\(end) of base.heap\(suffix) as they were earlier"
        case .foreignFile:
            guard let other = others.randomElement(using: &random)!.files[name] else {
                return "nothing"
            }
            bytes = other
        case .olderFile:
            guard let older = base.older[name] else { return "nothing" }
            bytes = older
        }
        return "\(self) of \(count) at \(at) in base.heap\(suffix)"
    }

    /// Mostly nonzero places: zeros make up most of a small heap and of a log.
    private static func place(in bytes: [UInt8], _ random: inout SplitMix) -> Int {
        for _ in 0 ..< 12 {
            let at = Int.random(in: 0 ..< bytes.count, using: &random)
            let line = at / 64 * 64
            if bytes[line ..< min(line + 64, bytes.count)].contains(where: { $0 != 0 }) {
                return at
            }
        }
        return Int.random(in: 0 ..< bytes.count, using: &random)
    }

    /// Numbers that break arithmetic, and offsets that lead back to the same place or to other
    /// existing ones.
    private static func word(near place: Int, _ size: Int, _ random: inout SplitMix) -> UInt64 {
        let shifts: [UInt64] = [8, 16, 31, 32, 40, 48, 55, 56, 62, 63]
        switch Int.random(in: 0 ..< 6, using: &random) {
        case 0:
            return [0, 1, .max, .max - 7, UInt64(size), UInt64(size) - 8].randomElement(
                using: &random)!
        case 1: return 1 << shifts.randomElement(using: &random)!
        case 2: return 1 << shifts.randomElement(using: &random)! - 1
        case 3: return UInt64(place)
        case 4: return UInt64(place / 4096)
        default: return UInt64(Int.random(in: 0 ..< size / 8, using: &random) * 8)
        }
    }
}
