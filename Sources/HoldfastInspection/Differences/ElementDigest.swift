import Holdfast
import HoldfastEngine

/// A number that equal elements share, and others hardly ever: elements of lists that may belong
/// together are found by it.
///
/// It looks at a bounded part of an element, so that each level of a value that is nested deeply
/// costs the same. References have a share in it only if they are the elements: the alignment of
/// records must be the same before and after it is known which of them are the same.
struct ElementDigest {
    private let heap: ComparedHeap
    private let pairs: RecordPairs
    private static let levels = 4
    /// The elements of collections that are looked at, by the level of the collection.
    private static let elements = [0, 2, 4, 8, 64]

    init(_ heap: ComparedHeap, _ pairs: RecordPairs) {
        self.heap = heap
        self.pairs = pairs
    }

    func digest(of value: ComparedValue) throws -> Int {
        var hasher = Hasher()
        var inner = value
        while case .content(let content) = heap.wrapping(of: inner) { inner = content }
        if case .reference = inner.form.content! {
            hasher.combine(pairs.identity(of: heap.load(inner.place), heap.side))
            return hasher.finalize()
        }
        try add(value, Self.levels, to: &hasher)
        return hasher.finalize()
    }

    private func add(_ value: ComparedValue, _ levels: Int, to hasher: inout Hasher) throws {
        let access = heap.access
        switch value.form.content! {
        case .string, .data:
            unsafe heap.load(value.place, as: StoredBytes.self).withBytes(access) {
                unsafe hasher.combine(bytes: $0)
            }
        case .longString, .longData:
            let bytes = PersistentBytes.load(heap.load(value.place), from: access)
            hasher.combine(bytes.count)
            unsafe bytes.withUnsafeBytes { bytes in
                let start = unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(4096))
                unsafe hasher.combine(bytes: start)
            }
        case .optional, .box:
            switch heap.wrapping(of: value) {
            case .content(let content): try add(content, levels, to: &hasher)
            case .missing, .nothing: hasher.combine(0)
            }
        case .record, .union:
            guard levels > 0, let parts = try heap.fixedParts(of: value) else { return }
            if case .union(let cases) = value.form.content! {
                hasher.combine(try heap.unionCase(cases, at: value.place).form.name)
            }
            for part in parts { try add(part.value, levels - 1, to: &hasher) }
        case .list(let load, let element):
            let list = load(access, value.place)
            hasher.combine(list.count)
            for index in 0 ..< min(list.count, Self.elements[levels]) {
                try add(
                    ComparedValue(element, list.elementPlace(index)), levels - 1, to: &hasher)
            }
        case .entries(let form):
            try add(form, form.load(access, value.place), levels, to: &hasher)
        case .reference, .emptyList: break
        case .native(let native) where native.isItsBytes:
            unsafe hasher.combine(
                bytes: UnsafeRawBufferPointer(
                    start: access.address(value.place, native.size), count: native.size))
        case .native, .wideInteger, .duration, .range, .plain, .member, .other:
            // Bytes would tell values apart that are equal, by what is between the fields.
            hasher.combine(try heap.canonicalText(of: value))
        }
    }

    /// In a table without an order, equal entries come in any order.
    private func add(
        _ form: LineForm.EntriesForm, _ entries: any InspectableEntries, _ levels: Int,
        to hasher: inout Hasher
    ) throws {
        let count = entries.count
        hasher.combine(count)
        guard count <= Self.elements[levels] else { return }
        var sum = 0
        for entry in entries.places(from: 0, limit: count) {
            var own = Hasher()
            try add(ComparedValue(form.key, entry.key), levels - 1, to: &own)
            if let value = form.value {
                try add(ComparedValue(value, entry.value), levels - 1, to: &own)
            }
            sum &+= own.finalize()
        }
        hasher.combine(sum)
    }
}
