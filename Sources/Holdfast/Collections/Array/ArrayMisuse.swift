/// The traps of arrays, and of collections that are built on them.
extension Handle {
    @usableFromInline @inline(never)
    static func rangeOutOfBounds(_ range: Range<Int>, _ count: Int) -> Never {
        fatalError("Holdfast: the range \(range) is out of bounds; there are \(count) elements.")
    }

    @usableFromInline @inline(never)
    static func tooFew(_ number: Int, _ count: Int) -> Never {
        fatalError("Holdfast: \(number) elements were to be removed; the array has \(count).")
    }

    @usableFromInline @inline(never)
    static func negativeCount(_ number: Int) -> Never {
        fatalError("Holdfast: a number of elements or bytes cannot be negative, as \(number) is.")
    }

    @usableFromInline @inline(never)
    static func arrayChangedWhileIterating() -> Never {
        fatalError(
            "Holdfast: elements of an array, a deque, a text or bytes were inserted or removed "
                + "while it was iterated. Use removeAll(where:), or change it after the loop; "
                + "setting elements and appending are allowed."
        )
    }

    @usableFromInline @inline(never)
    static func changedByClosure() -> Never {
        fatalError(
            "Holdfast: a collection was changed by the closure that one of its own methods was "
                + "given. Change it after the method has returned."
        )
    }

    @usableFromInline @inline(never)
    static func sliceOfAnotherCount(_ count: Int, _ needed: Int) -> Never {
        fatalError(
            "Holdfast: a slice of \(needed) elements cannot be set to one of \(count). Use "
                + "replaceSubrange to make the array longer or shorter."
        )
    }
}
