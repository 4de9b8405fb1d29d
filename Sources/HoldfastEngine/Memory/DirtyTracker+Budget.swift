import HoldfastFormat

// What a transaction changes is private memory until it ends, and cannot be given back before. A
// process that goes on nevertheless is killed where memory has a limit, as in a control group.
extension DirtyTracker {
    /// The bytes of private pages and before-images of this transaction. O(changed pages).
    var privateBytes: Int {
        // Pages that were freed and changed again are listed more than once.
        let distinct = Set(UnsafeBufferPointer(start: pages, count: pageCount))
        return distinct.count * HeapLayout.pageBytes + imageCount * Self.imageBytes
    }

    /// Tells the view if the transaction has become too large. Called from time to time, whenever
    /// one of the two lists is full.
    func checkBudget() {
        let bound = pageCount * HeapLayout.pageBytes + imageCount * Self.imageBytes
        guard bound > budget, privateBytes > budget else { return }
        exceedsBudget()
    }
}
