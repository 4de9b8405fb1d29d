extension Laws {
    mutating func sequence<S: Sequence>(_ sequence: S, _ expected: [S.Element])
    where S.Element: Equatable {
        let first = Array(sequence)
        require(first == expected, "iteration gives \(first), not \(expected)")
        require(Array(sequence) == first, "a second walk gives other elements than the first")
        require(
            sequence.underestimatedCount >= 0 && sequence.underestimatedCount <= expected.count,
            "underestimatedCount is \(sequence.underestimatedCount) for \(expected.count) elements")

        // Two iterations at the same time, one behind the other.
        var ahead = sequence.makeIterator()
        var behind = sequence.makeIterator()
        _ = ahead.next()
        for (index, element) in expected.enumerated() {
            require(behind.next() == element, "the walk behind another one is off at \(index)")
            require(
                ahead.next() == (index + 1 < expected.count ? expected[index + 1] : nil),
                "the walk ahead is off at \(index)")
        }
        require(
            behind.next() == nil && behind.next() == nil,
            "an iterator that has ended gives another element")

        // Algorithms of the standard library that build on it.
        require(sequence.elementsEqual(expected), "elementsEqual")
        require(sequence.map { $0 } == expected, "map")
        require(Array(sequence.prefix(3)) == Array(expected.prefix(3)), "prefix")
        require(Array(sequence.dropFirst(2)) == Array(expected.dropFirst(2)), "dropFirst")
        require(Array(sequence.suffix(3)) == Array(expected.suffix(3)), "suffix")
        require(Array(sequence.reversed()) == expected.reversed(), "reversed")
        require(sequence.first { _ in true } == expected.first, "first(where:)")
        for element in expected {
            require(sequence.contains(element), "contains does not find \(element)")
        }
        let contiguous = sequence.withContiguousStorageIfAvailable { Array($0) }
        require(
            contiguous == nil || contiguous == expected,
            "the contiguous storage holds \(contiguous ?? []), not \(expected)")
    }
}
