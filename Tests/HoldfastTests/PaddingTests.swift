import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// The bytes of the program's memory that lie between the fields of a value do not reach the file.
///
/// The values' padding is filled with a mark, and generic code passes them on as bytes. (In
/// optimised code, most of the mark is lost on the way: the tests say most in debug builds.)
@Suite(.progress) struct PaddingTests {
    struct Padded: HeapStruct, Equatable {
        var first: UInt8
        var second: UInt64
        var last: UInt8
    }

    /// Its own form has none; those of its fields have.
    struct Holder: HeapRecord {
        var padded: Padded
        var optional: Padded?
        var range: Range<Int32>?
    }

    enum Deed: CaseIterable {
        case append, appendAll, appendSpan, set, insert, replace, sort, partition, swap, reverse
        case mutableSpan, outputSpan
        case dequeAppend, dequePrepend, dequeSet, dequeReplace
        case map, mapReplacing, mapModifying, optionals, keys, sorted, sortedReplacing, sortedKeys
        case value, valueModifying, pointer, records, recordField
    }

    private static let mark: UInt8 = 0xee

    /// Values with the mark in every byte that belongs to no field.
    private static func values() -> [Padded] {
        var values = (1 ... 40).map { Padded(first: UInt8($0), second: UInt64($0), last: 7) }
        values.withUnsafeMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: MemoryLayout<Padded>.stride) {
                for byte in Array(1 ..< 8) + Array(17 ..< 24) { bytes[start + byte] = mark }
            }
        }
        return values
    }

    private static func holders(_ values: [Padded]) -> [Holder] {
        var holders = values.map { Holder(padded: $0, optional: $0, range: 1 ..< 5) }
        holders.withUnsafeMutableBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: MemoryLayout<Holder>.stride) {
                let optional = MemoryLayout<Holder>.offset(of: \.optional)!
                for place in [0, optional] {
                    for byte in 1 ..< 8 { bytes[start + place + byte] = mark }
                }
            }
        }
        return holders
    }

    /// Generic, so that values are passed on as bytes.
    private func perform<Value: HeapStruct, Record: HeapRecord>(
        _ deed: Deed, _ values: [Value], _ records: [Record],
        _ field: WritableKeyPath<Record, Value>,
        _ areInOrder: (Value, Value) -> Bool, _ tx: borrowing WriteTransaction
    ) throws {
        let array = try tx.array("array", of: Value.self)
        let deque = try tx.deque("deque", of: Value.self)
        switch deed {
        case .append: for value in values { array.append(value) }
        case .appendAll: array.append(contentsOf: values)
        case .appendSpan: array.append(contentsOf: values.span)
        case .set:
            array.append(contentsOf: values)
            for index in values.indices { array[index] = values[values.count - 1 - index] }
        case .insert: for value in values { array.insert(value, at: 0) }
        case .replace:
            array.append(contentsOf: values)
            array.replaceSubrange(3 ..< 20, with: values)
        case .sort:
            array.append(contentsOf: values.reversed())
            array.sort(by: areInOrder)
        case .partition:
            array.append(contentsOf: values)
            _ = array.partition { areInOrder(values[20], $0) }
        case .swap:
            array.append(contentsOf: values)
            for index in 0 ..< 20 { array.swapAt(index, 39 - index) }
        case .reverse:
            array.append(contentsOf: values)
            array.reverse()
        case .mutableSpan:
            array.append(contentsOf: values)
            array.withMutableSpan { span in
                for index in 0 ..< 20 { span[index] = values[39 - index] }
            }
        case .outputSpan:
            if #available(macOS 26, iOS 26, tvOS 26, visionOS 26, *) {
                array.append(upTo: 50) { place in for value in values { place.append(value) } }
            }
        case .dequeAppend: for value in values { deque.append(value) }
        case .dequePrepend: for value in values { deque.prepend(value) }
        case .dequeSet:
            for value in values { deque.append(value) }
            for index in values.indices { deque[index] = values[values.count - 1 - index] }
        case .dequeReplace:
            for value in values { deque.append(value) }
            deque.replaceSubrange(3 ..< 20, with: values)
        case .map, .mapReplacing, .mapModifying:
            let map = try tx.map("map", UInt8.self, Value.self)
            for (key, value) in values.enumerated() { map[UInt8(key)] = value }
            if deed == .mapReplacing {
                for (key, value) in values.reversed().enumerated() { map[UInt8(key)] = value }
            } else if deed == .mapModifying {
                for key in 0 ..< 40 { map[UInt8(key), default: values[0]] = values[39 - key] }
            }
        case .optionals:
            let map = try tx.map("optionals", UInt8.self, Value?.self)
            for (key, value) in values.enumerated() { map[UInt8(key)] = .some(value) }
        case .keys:
            let map = try tx.map("keys", UInt32?.self, Value.self)
            for (key, value) in values.enumerated() { map[UInt32(key)] = value }
        case .sorted, .sortedReplacing:
            let map = try tx.sortedMap("sorted", UInt8.self, Value.self)
            for (key, value) in values.enumerated() { map[UInt8(key)] = value }
            if deed == .sortedReplacing {
                for (key, value) in values.reversed().enumerated() { map[UInt8(key)] = value }
            }
        case .sortedKeys:
            let map = try tx.sortedMap("sorted", UInt16?.self, Value.self)
            for round in 0 ..< 50 {
                for (key, value) in values.enumerated() { map[UInt16(round * 40 + key)] = value }
            }
        case .value, .valueModifying:
            let root = try tx.value("value", initial: values[0])
            root.value = values[1]
            if deed == .valueModifying { root.value = values[2] }
        case .pointer:
            for value in values { tx[tx.allocate(value)] = value }
        case .records, .recordField:
            let held = try tx.array("records", of: Record.self)
            for record in records { held.append(record) }
            if deed == .recordField {
                for record in records {
                    let reference = try tx.new(record)
                    reference.record = record
                    var changed = reference.record
                    changed[keyPath: field] = values[3]
                    reference.record = changed
                }
            }
        }
    }

    @Test(arguments: Deed.allCases) func nothingIsCarriedOver(deed: Deed) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("padding.heap")
        let values = Self.values()
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            try perform(
                deed, values, Self.holders(values), \Holder.padded, { $0.second < $1.second }, tx)
        }
        let check = try heap.check()
        #expect(check.isSound)
        try heap.close()
        let bytes = try Data(contentsOf: URL(filePath: path))
        // Three in a row: random numbers in the file hardly have them.
        let marks = bytes.indices.dropFirst(2).filter { end in
            (end - 2 ... end).allSatisfy { bytes[$0] == Self.mark }
        }
        #expect(marks == [], "\(deed)")
    }
}
