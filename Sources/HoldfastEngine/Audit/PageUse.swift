import HoldfastFormat

/// The use of a page of a heap, according to the page map.
public enum PageUse: String, Sendable {
    case header
    /// The allocator's root, the page map and the checksums.
    case records
    case data
    case free
    /// Not described by the page map: behind the heap's end, or damaged.
    case unknown

    /// The uses of `pages` (ascending) in the snapshot of the read transaction that the caller has
    /// open. Trusts nothing. O(runs of pages).
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
