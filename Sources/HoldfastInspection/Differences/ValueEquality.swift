import Holdfast
import HoldfastEngine

/// Tells whether two values are equal, as far as their bytes show it.
struct ValueEquality {
    let old: ComparedHeap
    let new: ComparedHeap
    let pairs: RecordPairs
    /// Records and payloads are followed to this depth, so that each level of a value that is
    /// nested deeply is read a few times only.
    static let levels = 4

    /// Whether the values are certainly equal. False says nothing. Never follows a collection that
    /// has elements.
    func areCertainlyEqual(_ left: ComparedValue, _ right: ComparedValue, levels: Int = levels)
        -> Bool
    {
        if case .plain(let layout) = left.form.content!,
            case .plain(let other) = right.form.content!
        {
            return layout === other && haveEqualBytes(left.place, right.place, layout.size)
        }
        guard left.form === right.form else { return false }
        switch left.form.content! {
        case .native(let native): return haveEqualBytes(left.place, right.place, native.size)
        case .wideInteger, .duration:
            return haveEqualBytes(left.place, right.place, MemoryLayout<StoredWideInteger>.size)
        case .string, .data:
            return haveEqualContent(old.load(left.place), new.load(right.place))
        case .range(let bound, let distance):
            return areCertainlyEqual(
                ComparedValue(bound, left.place), ComparedValue(bound, right.place), levels: levels)
                && areCertainlyEqual(
                    ComparedValue(bound, left.place + distance),
                    ComparedValue(bound, right.place + distance), levels: levels)
        case .optional, .box:
            switch (old.wrapping(of: left), new.wrapping(of: right)) {
            case (.missing, .missing): return true
            case (.content(let left), .content(let right)):
                return areCertainlyEqual(left, right, levels: levels)
            default: return false
            }
        case .record(let record):
            let (block, other): (UInt64, UInt64) = (old.load(left.place), new.load(right.place))
            return levels > 0
                && record.fields.allSatisfy { field in
                    areCertainlyEqual(
                        ComparedValue(field.form, block + field.place),
                        ComparedValue(field.form, other + field.place), levels: levels - 1)
                }
        case .union(let cases):
            let stored = old.load(left.place, as: StoredUnion.self)
            let other = new.load(right.place, as: StoredUnion.self)
            guard stored.number == other.number, stored.number < cases.count, levels > 0 else {
                return false
            }
            return cases[Int(stored.number)].values.allSatisfy { part in
                areCertainlyEqual(
                    ComparedValue(part.form, stored.payload + part.place),
                    ComparedValue(part.form, other.payload + part.place), levels: levels - 1)
            }
        case .reference: return pairs.areSettled(old.load(left.place), new.load(right.place))
        case .list(let load, _):
            return load(old.access, left.place).count == 0
                && load(new.access, right.place).count == 0
        case .entries(let entries):
            return entries.load(old.access, left.place).count == 0
                && entries.load(new.access, right.place).count == 0
        case .emptyList: return true
        case .member: return left.place == right.place
        case .longString, .longData, .plain, .other: return false
        }
    }

    /// Whether two values without parts are equal: if their texts are.
    func areEqualLeaves(_ left: ComparedValue, _ right: ComparedValue) throws -> Bool {
        if areCertainlyEqual(left, right) { return true }
        switch (left.form.content!, right.form.content!) {
        case (.longString, .longString), (.longData, .longData):
            // Both kinds are stored in the same way.
            let bytes = PersistentBytes.load(old.load(left.place), from: old.access)
            let others = PersistentBytes.load(new.load(right.place), from: new.access)
            return bytes == others
        case (.string, .string), (.data, .data): return false
        default: return try old.canonicalText(of: left) == new.canonicalText(of: right)
        }
    }

    private func haveEqualBytes(_ left: UInt64, _ right: UInt64, _ count: Int) -> Bool {
        equalBytes(left, right, atMost: count) == count
    }

    /// Returns the number of equal bytes at two places, `count` at most.
    func equalBytes(_ left: UInt64, _ right: UInt64, atMost count: Int) -> Int {
        guard count > 0 else { return 0 }
        return unsafe ByteOrder.commonPrefix(
            UnsafeRawBufferPointer(start: old.access.address(left, count), count: count),
            UnsafeRawBufferPointer(start: new.access.address(right, count), count: count))
    }

    private func haveEqualContent(_ left: StoredBytes, _ right: StoredBytes) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withBytes(old.access) { bytes in
            unsafe right.withBytes(new.access) {
                unsafe ByteOrder.commonPrefix(bytes, $0) == bytes.count
            }
        }
    }
}
