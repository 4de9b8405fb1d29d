import HoldfastEngine

// Access to plain values in the file without a copy.

extension PersistentArray where Element: HeapStruct {
    /// Calls `body` with a span over the elements in the mapped file.
    ///
    /// Nothing is copied, and no element is checked beyond the span's own checks. The span cannot
    /// leave the closure. The array must not be changed inside it.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func withSpan<R, Failure: Error>(_ body: (Span<Element>) throws(Failure) -> R)
        throws(Failure) -> R
    {
        let header = opened()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        guard count > 0 else { return try body(Span()) }
        return try body(Span(_unsafeStart: UnsafePointer(elements(header)), count: count))
    }

    /// Calls `body` with a mutable span over all elements. See ``withMutableSpan(_:_:)``.
    ///
    /// - Complexity: O(*n* / 4096), where *n* is the count.
    @inlinable
    public func withMutableSpan<R, Failure: Error>(
        _ body: (inout MutableSpan<Element>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try withMutableSpan(0 ..< count, body)
    }

    /// Calls `body` with a mutable span over the elements of a range. Traps if the range is out of
    /// bounds.
    ///
    /// Every line of the range is marked dirty before `body` runs, and logged whether it changes or
    /// not, so request no more than will change. The span cannot leave the closure. No elements may
    /// be added or removed inside it.
    ///
    /// - Complexity: O(*m* / 4096), where *m* is the length of the range.
    @inlinable
    public func withMutableSpan<R, Failure: Error>(
        _ range: Range<Int>, _ body: (inout MutableSpan<Element>) throws(Failure) -> R
    ) throws(Failure) -> R {
        let header = opened()
        check(range, header)
        let start = range.isEmpty ? nil : elements(header) + range.lowerBound
        if !range.isEmpty {
            requireWritable()
            access.markDirty(elementOffset(range.lowerBound), range.count * Self.stride)
            access.beginLending()
        }
        defer {
            if !range.isEmpty {
                access.endLending()
                clearPadding(range)
            }
        }
        var span = MutableSpan(
            _unsafeElements: UnsafeMutableBufferPointer(start: start, count: range.count))
        return try body(&span)
    }

    /// Adds the elements of a span at the end, with one copy. The span must not be one of this
    /// array.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new elements.
    @inlinable
    public func append(contentsOf newElements: Span<Element>) {
        guard makeRoom(forMore: newElements.count) else { return }
        newElements.withUnsafeBufferPointer { appendPlain(UnsafeRawBufferPointer($0)) }
    }

    /// Adds up to `maximum` elements at the end, which `body` writes in place, without a copy.
    ///
    /// If `body` throws, the elements that it has written are kept.
    ///
    ///     try samples.append(upTo: 1024) { place in
    ///         while let sample = try source.next(), !place.isFull { place.append(sample) }
    ///     }
    ///
    /// The span cannot leave the closure. The array must not be used inside it.
    ///
    /// - Complexity: Amortised O(`maximum` / 4096), plus the cost of `body`.
    @available(macOS 26, iOS 26, *)
    @inlinable
    public func append<R, Failure: Error>(
        upTo maximum: Int, initializing body: (inout OutputSpan<Element>) throws(Failure) -> R
    ) throws(Failure) -> R {
        guard maximum >= 0 else { trap(.negativeCount, maximum) }
        guard makeRoom(forMore: maximum) else {
            return try LostRoom.use(maximum, of: Element.self) { (buffer) throws(Failure) in
                try Self.fill(buffer, body).result.get()
            }
        }
        let header = openedForChange()
        let place = elementOffset(count)
        if maximum > 0 { access.markDirty(place, maximum * Self.stride) }
        let start = access.address(place, maximum * Self.stride).assumingMemoryBound(
            to: Element.self)
        access.beginLending()
        defer { access.endLending() }
        let filled = Self.fill(UnsafeMutableBufferPointer(start: start, count: maximum), body)
        let before = count
        header.pointee.count += UInt64(filled.count)
        clearPadding(before ..< count)
        return try filled.result.get()
    }

    @available(macOS 26, iOS 26, *)
    @inlinable
    static func fill<R, Failure: Error>(
        _ buffer: UnsafeMutableBufferPointer<Element>,
        _ body: (inout OutputSpan<Element>) throws(Failure) -> R
    ) -> (result: Result<R, Failure>, count: Int) {
        var span = OutputSpan(buffer: buffer, initializedCount: 0)
        let result: Result<R, Failure>
        do throws(Failure) { result = .success(try body(&span)) } catch { result = .failure(error) }
        return (result, span.finalize(for: buffer))
    }
}

extension PersistentArray {
    /// Adds plain values that are contiguous in memory, and returns false if they are not. There
    /// must be capacity for `underestimatedCount` more elements.
    @inlinable
    func appendContiguous<S: Sequence>(_ newElements: S) -> Bool where S.Element == Element {
        newElements.withContiguousStorageIfAvailable { source in
            guard source.count <= capacity - count else { return false }
            appendPlain(UnsafeRawBufferPointer(source))
            return true
        } ?? false
    }

    /// Adds stored forms at the end with one copy. There must be capacity for them. The source may
    /// be in the array itself.
    @inlinable
    func appendPlain(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        let header = openedForChange("append(contentsOf:)")
        let before = count
        access.writableAddress(elementOffset(before), source.count).copyMemory(
            from: start, byteCount: source.count)
        header.pointee.count += UInt64(source.count / Self.stride)
        clearPadding(before ..< count)
    }

    /// Clears the padding of elements, and between them, in lines that have been marked dirty.
    @inlinable
    func clearPadding(_ range: Range<Int>) {
        guard Self.hasGaps else { return }
        let bytes = range.count * Self.stride
        let start = access.address(elementOffset(range.lowerBound), bytes)
        clearPadding(UnsafeMutableRawBufferPointer(start: start, count: bytes))
    }

    /// Whether there is padding in the elements or between them.
    @inlinable
    static var hasGaps: Bool {
        Element.hasPadding || MemoryLayout<Element.Stored>.size < Self.stride
    }

    @inlinable
    func clearPadding(_ forms: UnsafeMutableRawBufferPointer) {
        guard Self.hasGaps else { return }
        let size = MemoryLayout<Element.Stored>.size
        for start in Swift.stride(from: 0, to: forms.count, by: Self.stride) {
            let form = forms.baseAddress.unsafelyUnwrapped + start
            Element.clearPadding(at: form)
            form.clear(size ..< Self.stride)
        }
    }
}

extension PersistentArray where Element: PersistableInteger {
    /// Adds zeros at the end. O(`number`), at memory speed.
    @inlinable
    func append(zeros number: Int) {
        guard number > 0 else { return }
        let (byteCount, overflows) = number.multipliedReportingOverflow(by: Self.stride)
        // All of them are written, so each needs memory.
        guard access.hasMemory(byteCount: overflows ? .max : byteCount), makeRoom(forMore: number)
        else { return }
        let header = openedForChange("append(contentsOf:)")
        access.writableAddress(elementOffset(count), number * Self.stride)
            .initializeMemory(as: UInt8.self, repeating: 0, count: number * Self.stride)
        header.pointee.count += UInt64(number)
    }
}
