import HoldfastEngine

extension PersistentArray: ConvertibleCollection {
    typealias Content = Element
    static var shapeName: String { "Array" }

    static func mover<Bytes: BytesOfSize>(
        _ form: FormConversion, _: Bytes.Type
    ) -> any ContentMover { ArrayMover<Element, Bytes>(form: form) }
}

private struct ArrayMover<Element: Persistable, Bytes: BytesOfSize>: ContentMover {
    typealias Source = PersistentArray<Unconverted<Bytes>>
    typealias Target = PersistentArray<Element>

    let form: FormConversion

    func moveAll(from source: Source, to target: Target) {
        append(0 ..< source.count, of: source, to: target)
    }

    func moveSome(
        from source: Source, to target: Target, upTo limit: Int, cursor: inout Int
    ) -> Bool {
        if form.isRepeatable {
            // The old elements are freed with their array as a whole.
            let first = target.count
            let end = min(source.count, first + limit)
            if first == 0 { target.reserveCapacity(source.count) }
            append(first ..< end, of: source, to: target)
            return end == source.count
        }
        // An array gives up elements at its end only. So they are moved in reverse order first, and
        // then into theirs.
        let rest = source.count
        if rest > 0 {
            if target.count == 0 { target.reserveCapacity(rest) }
            let first = max(rest - limit, 0)
            for index in (first ..< rest).reversed() { append(index, of: source, to: target) }
            source.removeLast(rest - first)
            return false
        }
        let half = target.count / 2
        let end = min(half, cursor + limit)
        for index in cursor ..< end { target.swapAt(index, target.count - 1 - index) }
        cursor = end
        return end == half
    }

    private func append(_ range: Range<Int>, of source: Source, to target: Target) {
        if target.count == 0 { target.reserveCapacity(range.count) }
        for index in range { append(index, of: source, to: target) }
    }

    private func append(_ index: Int, of source: Source, to target: Target) {
        let old = source.elements(source.header) + index
        target.append(
            stored: form.converted(old, as: Element.Stored.self, in: target.access))
    }
}

extension PersistentDeque: ConvertibleCollection {
    typealias Content = Element
    static var shapeName: String { "Deque" }

    static func mover<Bytes: BytesOfSize>(
        _ form: FormConversion, _: Bytes.Type
    ) -> any ContentMover { DequeMover<Element, Bytes>(form: form) }
}

private struct DequeMover<Element: Persistable, Bytes: BytesOfSize>: ContentMover {
    typealias Source = PersistentDeque<Unconverted<Bytes>>
    typealias Target = PersistentDeque<Element>

    let form: FormConversion

    func moveSome(
        from source: Source, to target: Target, upTo limit: Int, cursor: inout Int
    ) -> Bool {
        let number = min(source.count, limit)
        for index in 0 ..< number {
            let old = source.ring.place(index)
            target.append(
                stored: form.converted(old, as: Element.Stored.self, in: target.access))
        }
        source.removeFirst(number)
        return source.isEmpty
    }
}
