import HoldfastFormat

/// Reads ahead of a pass through the pages of a heap that is larger than memory, from its front to
/// its end. Nothing in a heap that fits into memory.
struct AscendingReads {
    let image: HeapImage
    /// The end of what has been asked for.
    private var end = 0

    /// What is read at a time. The next window is asked for when half of the last one is used.
    private static let window = 2 << 20

    init(_ image: HeapImage) { self.image = image }

    /// Called before the page is read; the pages ascend.
    @inline(__always)
    mutating func reach(page: Int) {
        if image.isReadByPages { readAhead(from: page * HeapLayout.pageBytes) }
    }

    private mutating func readAhead(from offset: Int) {
        guard end < offset + Self.window / 2 else { return }
        let start = max(end, offset)
        end = offset + Self.window
        image.readAhead(start ..< end)
    }
}
