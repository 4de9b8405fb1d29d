/// The laws of the standard library's collection protocols, checked on one collection against its
/// expected elements.
///
///     #expect(Laws.ofRandomAccess(array, [1, 2, 3]) == [])
///
/// Each function checks its protocol and all protocols that it refines, and returns a message for
/// each violation. Collections should be small: the checks of indices are quadratic. Functions
/// named `ofMutable…` change the collection and restore it.
public struct Laws {
    public private(set) var problems: [String] = []

    mutating func require(_ condition: Bool, _ problem: @autoclosure () -> String) {
        if !condition && problems.count < 20 { problems.append(problem()) }
    }

    // MARK: Entry points

    /// `Sequence`, for a type that can be iterated repeatedly, like all collections of a heap.
    public static func ofSequence<S: Sequence>(_ sequence: S, _ expected: [S.Element]) -> [String]
    where S.Element: Equatable {
        var laws = Laws()
        laws.sequence(sequence, expected)
        return laws.problems
    }

    /// `Sequence` with an unspecified order: a set's, a map's.
    public static func ofUnordered<S: Sequence>(_ sequence: S, _ expected: Set<S.Element>)
        -> [String]
    {
        var laws = Laws()
        laws.sequence(sequence, Array(sequence))
        laws.require(
            Set(sequence) == expected, "the elements are \(Set(sequence)), not \(expected)")
        laws.require(Array(sequence).count == expected.count, "an element comes twice")
        return laws.problems
    }

    /// `Collection`.
    public static func of<C: Collection>(_ collection: C, _ expected: [C.Element]) -> [String]
    where C.Element: Equatable {
        var laws = Laws()
        laws.collection(collection, expected)
        return laws.problems
    }

    /// `BidirectionalCollection`.
    public static func ofBidirectional<C: BidirectionalCollection>(
        _ collection: C, _ expected: [C.Element]
    ) -> [String] where C.Element: Equatable {
        var laws = Laws()
        laws.bidirectional(collection, expected)
        return laws.problems
    }

    /// `RandomAccessCollection`.
    public static func ofRandomAccess<C: RandomAccessCollection>(
        _ collection: C, _ expected: [C.Element]
    ) -> [String] where C.Element: Equatable {
        var laws = Laws()
        laws.bidirectional(collection, expected)
        return laws.problems
    }

    /// `MutableCollection`, for a bidirectional collection. `fresh` is an element that is not in
    /// the collection.
    public static func ofMutable<C: MutableCollection & BidirectionalCollection>(
        _ collection: inout C, _ expected: [C.Element], fresh: C.Element
    ) -> [String] where C.Element: Equatable {
        var laws = Laws()
        laws.bidirectional(collection, expected)
        laws.mutable(&collection, expected, fresh)
        laws.bidirectional(collection, expected)
        return laws.problems
    }

    /// `MutableCollection & RandomAccessCollection`: also sorting, by `keys`.
    public static func ofMutableRandomAccess<C: MutableCollection & RandomAccessCollection>(
        _ collection: inout C, _ expected: [C.Element], fresh: C.Element,
        by less: (C.Element, C.Element) -> Bool
    ) -> [String] where C.Element: Equatable {
        var laws = Laws()
        laws.bidirectional(collection, expected)
        laws.mutable(&collection, expected, fresh)
        laws.rearranging(&collection, expected, less)
        return laws.problems
    }
}
