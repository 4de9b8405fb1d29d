import HoldfastFormat

/// Compares the pages that a copy is made of with their checksums, before they get new ones: in a
/// copy, damage would look sound.
///
/// Used by one thread, whose read transaction on the snapshot is open throughout.
final class CopiedPages {
    /// Pages that are compared at once: 1 MiB.
    private static let windowPages = 256

    private let scrubber: Scrubber
    private var scrub = Scrub()
    /// The pages that were compared last.
    private var window = 0 ..< 0

    /// What an error names as the work that was cancelled.
    private let work: String

    init(_ heap: OpenHeap, for work: String) {
        scrubber = Scrubber(heap)
        self.work = work
    }

    private var view: HeapView { scrubber.view }

    /// Throws unless the page map is sound, which says which pages there are to be copied.
    func requireSoundPageMap() throws(HeapError) {
        try requireSound(Int(HeapLayout.allocatorRootPage) ..< Int(HeapLayout.initialPages))
        let table = PageChecksums(root: view.rootBytes)
        for (index, first) in table.parts.enumerated() where first != 0 {
            let exponent = index + PageMap.firstPartExponent
            let count = Int(PageMap.descriptorPages(exponent))
            try requireSound(Int(first) ..< Int(first) + count)
        }
    }

    /// Throws unless all pages that are not free are sound. O(heap).
    func requireAllSound() throws(HeapError) {
        try requireSoundPageMap()
        for run in PageWalk(base: view.image.base, end: view.committedPages)
        where run.kind != .free {
            try requireSound(run.pages)
        }
    }

    /// Throws unless the pages are sound, as far as they are those of the data file: what the log
    /// has changed has checksums there.
    ///
    /// Reads ahead, because most runs of pages are short. A damaged page that is only read ahead is
    /// no error, as it may be free.
    func requireSound(_ pages: Range<Int>) throws(HeapError) {
        let start = window.contains(pages.lowerBound) ? window.upperBound : pages.lowerBound
        if start < pages.upperBound {
            window = start ..< max(pages.upperBound, start + Self.windowPages)
            scrub.turn(to: window)
            repeat { try step() } while !scrub.isComplete
        }
        // A damaged page of checksums vouches for nothing.
        let checksums = scrub.base?.reserved ?? []
        let damaged = scrub.report.damagedPages.filter { page in
            pages.contains(page) || checksums.contains { $0.contains(page) }
        }
        guard damaged.isEmpty else {
            throw HeapError.damagedPages(path: view.path, pages: damaged.sorted())
        }
    }

    private func step() throws(HeapError) {
        try scrubber.step(&scrub)
        let options = scrubber.dataFile.options
        if options.isCancelled?() == true { throw HeapError.cancelled(path: work) }
        if scrubber.participation.sharedMemory != nil { scrubber.letCheckpointsPass() }
    }
}
