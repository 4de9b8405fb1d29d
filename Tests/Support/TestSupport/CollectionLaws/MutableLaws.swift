extension Laws {
    mutating func mutable<C: MutableCollection & BidirectionalCollection>(
        _ collection: inout C, _ expected: [C.Element], _ fresh: C.Element
    ) where C.Element: Equatable {
        if !problems.isEmpty { return }
        let indices = Array(collection.indices)
        for (position, index) in indices.enumerated() {
            let old = collection[index]
            collection[index] = fresh
            var changed = expected
            changed[position] = fresh
            require(
                Array(collection) == changed,
                "setting the element at \(position) gives \(Array(collection))")
            collection[index] = old
        }
        for first in indices.indices {
            for second in indices.indices {
                collection.swapAt(indices[first], indices[second])
                var swapped = expected
                swapped.swapAt(first, second)
                require(
                    Array(collection) == swapped,
                    "swapAt(\(first), \(second)) gives \(Array(collection))")
                collection.swapAt(indices[first], indices[second])
            }
        }
        for from in 0 ... indices.count {
            for to in from ... indices.count where to > from {
                let bounds =
                    indices[from] ..< (to == indices.count ? collection.endIndex : indices[to])
                collection[bounds][indices[from]] = fresh
                var changed = expected
                changed[from] = fresh
                require(
                    Array(collection) == changed,
                    "setting through the slice \(from)..<\(to) gives \(Array(collection))")
                collection[indices[from]] = expected[from]

                var slice = changed[...]
                slice[from ..< to].reverse()
                collection[indices[from]] = fresh
                collection[bounds].reverse()
                require(
                    Array(collection) == Array(slice),
                    "reversing the slice \(from)..<\(to) gives \(Array(collection))")
                collection[bounds].reverse()
                collection[indices[from]] = expected[from]
            }
        }
        collection.reverse()
        require(Array(collection) == expected.reversed(), "reverse gives \(Array(collection))")
        collection.reverse()
        for element in expected {
            let pivot = collection.partition { $0 == element }
            require(
                collection[..<pivot].allSatisfy { $0 != element },
                "the first part holds what belongs into the second")
            require(
                collection[pivot...].allSatisfy { $0 == element },
                "the second part holds what belongs into the first")
            require(collection.count == expected.count, "partition changes the count")
            for (index, element) in zip(indices, expected) { collection[index] = element }
        }
        require(
            Array(collection) == expected,
            "what was changed and changed back is \(Array(collection))")
    }

    mutating func rearranging<C: MutableCollection & RandomAccessCollection>(
        _ collection: inout C, _ expected: [C.Element], _ less: (C.Element, C.Element) -> Bool
    ) where C.Element: Equatable {
        if !problems.isEmpty { return }
        collection.sort(by: less)
        require(Array(collection) == expected.sorted(by: less), "sort gives \(Array(collection))")
        collection.shuffle()
        require(collection.sorted(by: less) == expected.sorted(by: less), "shuffle loses elements")
        for (index, element) in zip(collection.indices, expected) { collection[index] = element }
        let range =
            collection.index(collection.startIndex, offsetBy: collection.count / 3)
            ..< collection.endIndex
        collection[range].sort(by: less)
        var sorted = expected
        sorted[(expected.count / 3)...].sort(by: less)
        require(Array(collection) == sorted, "sorting a slice gives \(Array(collection))")
        for (index, element) in zip(collection.indices, expected) { collection[index] = element }
        require(
            Array(collection) == expected,
            "what was rearranged and put back is \(Array(collection))")
    }
}
