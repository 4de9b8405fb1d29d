extension Laws {
    mutating func collection<C: Collection>(_ collection: C, _ expected: [C.Element])
    where C.Element: Equatable {
        sequence(collection, expected)
        bounds(collection, expected)
        if !problems.isEmpty { return }
        let indices = self.indices(collection, expected)
        if !problems.isEmpty { return }
        slices(collection, expected, indices)
        require(
            slicesAgree(collection, expected, indices),
            "a slice of a slice holds other elements than the collection")
    }

    mutating func bounds<C: Collection>(_ collection: C, _ expected: [C.Element])
    where C.Element: Equatable {
        require(
            collection.count == expected.count,
            "count is \(collection.count), not \(expected.count)")
        require(
            collection.isEmpty == expected.isEmpty,
            "isEmpty is \(collection.isEmpty) with \(expected.count) elements")
        require(
            collection.first == expected.first, "first is \(String(describing: collection.first))")
        require(
            (collection.startIndex == collection.endIndex) == expected.isEmpty,
            "startIndex and endIndex are equal, or not, against isEmpty")
        require(collection.startIndex <= collection.endIndex, "startIndex lies behind endIndex")
    }

    /// All indices, ending with endIndex, found by going forward.
    mutating func indices<C: Collection>(_ collection: C, _ expected: [C.Element]) -> [C.Index]
    where C.Element: Equatable {
        var indices: [C.Index] = []
        var index = collection.startIndex
        while index != collection.endIndex && indices.count <= expected.count {
            if let last = indices.last { require(last < index, "index(after:) does not go up") }
            indices.append(index)
            collection.formIndex(after: &index)
        }
        require(
            indices.count == expected.count,
            "\(indices.count) indices for \(expected.count) elements")
        guard indices.count == expected.count else { return [] }
        require(Array(collection.indices) == indices, "indices are others than index(after:) gives")
        for (position, index) in indices.enumerated() {
            require(
                collection[index] == expected[position],
                "the element at index \(position) is \(collection[index])")
        }
        indices.append(collection.endIndex)
        for (from, start) in indices.enumerated() {
            for (to, end) in indices.enumerated() where from <= to {
                require(
                    collection.distance(from: start, to: end) == to - from,
                    "distance from \(from) to \(to)")
                require(
                    collection.index(start, offsetBy: to - from) == end,
                    "index \(from) offset by \(to - from)")
                require(
                    collection.index(start, offsetBy: to - from, limitedBy: collection.endIndex)
                        == end,
                    "index \(from) offset by \(to - from) within the end")
                if to > from {
                    require(
                        collection.index(start, offsetBy: to - from, limitedBy: indices[to - 1])
                            == nil,
                        "index \(from) offset by \(to - from) past a limit")
                }
                require((start < end) == (from < to), "order of indices \(from) and \(to)")
                require((start == end) == (from == to), "equality of indices \(from) and \(to)")
            }
            let limit = collection.index(
                start, offsetBy: indices.count, limitedBy: collection.endIndex)
            require(limit == nil, "an index beyond the end is within the end")
        }
        return indices
    }

    mutating func slices<C: Collection>(
        _ collection: C, _ expected: [C.Element], _ indices: [C.Index]
    )
    where C.Element: Equatable {
        for from in 0 ..< indices.count {
            for to in from ..< indices.count {
                let slice = collection[indices[from] ..< indices[to]]
                require(
                    slice.elementsEqual(expected[from ..< to]),
                    "the slice \(from)..<\(to) holds other elements")
                require(
                    slice.count == to - from, "the slice \(from)..<\(to) has count \(slice.count)")
                require(
                    slice.startIndex == indices[from] && slice.endIndex == indices[to],
                    "the slice \(from)..<\(to) has other indices")
            }
        }
        for (element, index) in zip(expected, indices) {
            guard let found = collection.firstIndex(of: element) else {
                require(false, "firstIndex(of:) does not find \(element)")
                continue
            }
            require(found <= index && collection[found] == element, "firstIndex(of: \(element))")
        }
        require(Array(collection.prefix(2)) == Array(expected.prefix(2)), "prefix as a slice")
        require(Array(collection.dropLast(2)) == Array(expected.dropLast(2)), "dropLast as a slice")
    }

    func slicesAgree<C: Collection>(_ collection: C, _ expected: [C.Element], _ indices: [C.Index])
        -> Bool
    where C.Element: Equatable {
        guard expected.count >= 3 else { return true }
        let outer = collection[indices[1] ..< indices[expected.count]]
        let inner = outer[indices[2] ..< indices[expected.count]]
        return inner.elementsEqual(expected[2...]) && outer.indices.count == expected.count - 1
    }

    mutating func bidirectional<C: BidirectionalCollection>(
        _ collection: C, _ expected: [C.Element]
    ) where C.Element: Equatable {
        self.collection(collection, expected)
        if !problems.isEmpty { return }
        require(collection.last == expected.last, "last is \(String(describing: collection.last))")
        require(Array(collection.reversed()) == expected.reversed(), "reversed as a collection")
        var backwards: [C.Element] = []
        var index = collection.endIndex
        while index != collection.startIndex {
            let next = collection.index(before: index)
            require(
                collection.index(after: next) == index, "index(after:) does not undo index(before:)"
            )
            index = next
            backwards.append(collection[index])
        }
        require(backwards == expected.reversed(), "going backwards gives \(backwards)")
        let indices = Array(collection.indices) + [collection.endIndex]
        for (from, start) in indices.enumerated() {
            for (to, end) in indices.enumerated() where to < from {
                require(
                    collection.distance(from: start, to: end) == to - from,
                    "distance from \(from) back to \(to)")
                require(
                    collection.index(start, offsetBy: to - from) == end,
                    "index \(from) offset by \(to - from)")
                require(
                    collection.index(start, offsetBy: to - from, limitedBy: indices[to + 1]) == nil,
                    "index \(from) offset by \(to - from) past a limit")
            }
        }
        require(
            collection.lastIndex { _ in true }
                == (expected.isEmpty ? nil : indices[expected.count - 1]), "lastIndex(where:)")
        require(Array(collection.suffix(2)) == Array(expected.suffix(2)), "suffix as a slice")
    }
}
