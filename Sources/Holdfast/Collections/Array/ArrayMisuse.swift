/// The traps of arrays, and of collections that are built on them.
extension Handle {
    @usableFromInline @inline(never)
    static func rangeOutOfBounds(_ range: Range<Int>, _ count: Int) -> Never {
        fatalError("Holdfast: the range \(range) is out of bounds; there are \(count) elements.")
    }

    @usableFromInline @inline(never)
    static func tooFew(_ number: Int, _ count: Int) -> Never {
        fatalError("Holdfast: cannot remove \(number) elements: the array has \(count).")
    }

    @usableFromInline @inline(never)
    static func negativeCount(_ number: Int) -> Never {
        fatalError("Holdfast: a number of elements or bytes cannot be negative (\(number)).")
    }

    @usableFromInline @inline(never)
    static func arrayChangedWhileIterating() -> Never {
        fatalError(
            "Holdfast: elements of an array, a deque, a string or bytes were inserted or removed "
                + "during iteration. Use removeAll(where:), or change it after the loop; setting "
                + "elements and appending are allowed."
        )
    }

    @usableFromInline @inline(never)
    static func changedByClosure() -> Never {
        fatalError(
            "Holdfast: a collection was changed inside a closure passed to one of its own methods. "
                + "Change it after the method has returned."
        )
    }

    @usableFromInline @inline(never)
    static func sliceOfAnotherCount(_ count: Int, _ needed: Int) -> Never {
        fatalError(
            "Holdfast: a slice of \(needed) elements cannot be assigned \(count) elements. Use "
                + "replaceSubrange to make the array longer or shorter."
        )
    }
}
