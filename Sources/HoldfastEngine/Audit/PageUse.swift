import HoldfastFormat

/// What a page of a heap is used for, as the page map says.
public enum PageUse: String, Sendable {
    case header
    /// The allocator's root, the page map and the checksums.
    case records
    case data
    case free
    /// The page map does not say it: behind the heap's end, or where it is damaged.
    case unknown

    /// What each of `pages` (ascending) is used for, in the view of the read transaction that the
    /// caller has open. Trusts nothing. O(runs of pages).
    static func uses(of pages: [Int], in view: HeapView) -> [PageUse] {
        guard let last = pages.last else { return [] }
        var uses = pages.map { $0 < Int(HeapLayout.headerPages) ? PageUse.header : .unknown }
        var index = uses.firstIndex(of: .unknown) ?? pages.count
        let walk = PageWalk(base: view.image.base, end: view.readablePages)
        for run in walk {
            while index < pages.count, pages[index] < run.pages.upperBound {
                uses[index] = run.kind == .free ? .free : run.kind == .metadata ? .records : .data
                index += 1
            }
            if run.pages.upperBound > last { break }
        }
        return uses
    }
}
