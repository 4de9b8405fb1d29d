/// The image that a read transaction has entered, and how it is counted there.
struct ReaderPlace {
    /// Unmanaged is safe: the pool keeps its images.
    var image: Unmanaged<EngineImage>
    var seat: ReaderSeat?
    /// Whether the reader has its seat only, and no place in the image's latch.
    var isBiased = false

    init(_ image: EngineImage, _ seat: ReaderSeat?) {
        self.image = .passUnretained(image)
        self.seat = seat
    }

    @inline(__always)
    init(_ image: Unmanaged<EngineImage>, _ seat: ReaderSeat?, isBiased: Bool = false) {
        self.image = image
        self.seat = seat
        self.isBiased = isBiased
    }

    /// Opens the read transaction that has been admitted.
    @inline(__always)
    func makeContext(enclosing: HeapView.Context?) -> HeapView.Context {
        image._withUnsafeGuaranteedRef {
            let context = $0.view.makeContext(isWritable: false, enclosing: enclosing)
            context.pointee.seat = seat?.address
            context.pointee.isBiased = isBiased
            return context
        }
    }

    /// Opens a read transaction inside `outer`, the innermost of the same heap and thread, or one
    /// that encloses transactions of other heaps. What it reads counts as read by `outer`.
    func makeContext(nestedIn outer: HeapView.Context) -> HeapView.Context {
        let context = makeContext(enclosing: HeapView.innermost)
        if let reads = outer.pointee.reads { context.pointee.record(in: reads) }
        return context
    }
}
