import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The changes of the open write transaction: a bit for every dirty line, and the line's
/// before-image.
///
/// Invariants, from `begin` to `commit` or `undo`:
/// - a line whose bytes differ from the last commit has its bit set (`DirtyTrackingVerifier` tests
///   this);
/// - a line that was in use at the last commit and has its bit set has a before-image;
/// - a page has a nonzero word if and only if it is in `pages`, once.
///
/// A class with its arrays in raw memory: marking a line is on every write's path, and bounds or
/// exclusivity checks would cost more than the marking itself. The pointers never leave this type.
final class DirtyTracker {
    /// One word per page, indexed by page number; allocated for every page of the image.
    let image: HeapImage
    var lineCount = 0
    /// Set for a heap that is being built. It does not track its changes: every line counts as
    /// dirty permanently.
    var isUnlogged = false { didSet { isPlain = !isUnlogged && depth == 0 } }
    /// Whether changes are tracked and no savepoint is open: one test for both on the path of every
    /// marking.
    private var isPlain = true
    /// Set by the tests' verifier. Fresh lines get before-images too, because the verifier needs an
    /// abort to restore free space as well.
    var keepsImagesOfFreshLines = false
    /// The first line beyond the heap's end at the last commit. From there on nothing was in use,
    /// so nothing needs a before-image.
    var firstUnusedLine: UInt64 = 0

    /// Whether a mark or a before-image was left out for lack of memory. The transaction can then
    /// neither be committed nor rolled back.
    var isIncomplete = false
    /// The most bytes of changed pages and before-images that the transaction can have, and what is
    /// told once it has more; see `checkBudget`.
    var budget = Int.max
    var exceedsBudget: () -> Void = {}

    // From `malloc`, which reports a lack of memory.
    private(set) var pages: UnsafeMutablePointer<UInt32>
    var pageCount = 0
    private var pageCapacity = 256
    private var images: UnsafeMutableRawPointer
    var imageCount = 0
    private var imageCapacity = 1024
    static let imageBytes = 8 + HeapLayout.lineBytes

    /// The open savepoints, outermost first, and behind them objects for later ones.
    var savepoints: [Savepoint] = []
    /// The number of open savepoints.
    private(set) var depth = 0
    private(set) var innermost: Savepoint?

    init(image: HeapImage) {
        self.image = image
        pages = FallibleMemory.allocate(byteCount: pageCapacity * 4)!.bindMemory(
            to: UInt32.self, capacity: pageCapacity)
        images = FallibleMemory.allocate(byteCount: imageCapacity * Self.imageBytes)!
    }

    deinit {
        FallibleMemory.free(pages)
        FallibleMemory.free(images)
    }

    var isEmpty: Bool { pageCount == 0 }

    // MARK: Marking lines

    func markDirty(firstLine: UInt64, lastLine: UInt64) {
        if !isPlain { return markInSavepoint(firstLine: firstLine, lastLine: lastLine) }
        var line = firstLine
        while line <= lastLine {
            let page = Int(truncatingIfNeeded: line >> 6)
            let bit: UInt64 = 1 << (line & 63)
            let word = image.touchedLines[page]
            if word & bit == 0 {
                if word == 0 { addPage(page) }
                image.touchedLines[page] = word | bit
                lineCount += 1
                keepImage(line)
            }
            line += 1
        }
    }

    /// Marks lines without before-images. Only lines beyond the last commit's end are treated so: a
    /// block below it may have been in use at the last commit and freed by this very transaction,
    /// or share a line with a neighbour that is in use.
    func markFresh(firstLine: UInt64, lastLine: UInt64) {
        if firstLine < firstUnusedLine || keepsImagesOfFreshLines || !isPlain {
            return markDirty(firstLine: firstLine, lastLine: lastLine)
        }
        var page = Int(truncatingIfNeeded: firstLine >> 6)
        let lastPage = Int(truncatingIfNeeded: lastLine >> 6)
        var low = firstLine & 63
        while page <= lastPage {
            let high = page == lastPage ? lastLine & 63 : 63
            let mask: UInt64 = (~0 << low) & (~0 >> (63 - high))
            let word = image.touchedLines[page]
            if word == 0 { addPage(page) }
            image.touchedLines[page] = word | mask
            lineCount += (mask & ~word).nonzeroBitCount
            page += 1
            low = 0
        }
    }

    /// Unmarks whole pages that the transaction has just freed: their contents no longer matter, so
    /// they need not be logged. Their before-images stay for `undo`. A line may be marked again
    /// later and then has two before-images; the older one wins, because `undo` goes backwards.
    func unmark(firstPage: UInt64, pageCount count: UInt64) {
        if keepsImagesOfFreshLines || isUnlogged { return }
        // The word is cleared but the page stays listed, with an empty word; `addPage` lists it
        // again.
        if count <= UInt64(pageCount) {
            for page in Int(firstPage) ..< Int(firstPage + count) { unmark(page: page) }
        } else {
            for index in 0 ..< pageCount where UInt64(pages[index]) &- firstPage < count {
                unmark(page: Int(pages[index]))
            }
        }
    }

    private func unmark(page: Int) {
        isPlain ? clearMarks(page) : unmarkInSavepoint(page: page)
    }

    func clearMarks(_ page: Int) {
        lineCount -= image.touchedLines[page].nonzeroBitCount
        image.touchedLines[page] = 0
    }

    private func addPage(_ page: Int) {
        if pageCount == pageCapacity {
            guard
                let larger = enlarge(
                    pages, &pageCapacity, ofBytes: 4, eachCosting: HeapLayout.pageBytes)
            else {
                isIncomplete = true
                return
            }
            pages = larger.assumingMemoryBound(to: UInt32.self)
        }
        pages[pageCount] = UInt32(truncatingIfNeeded: page)
        pageCount += 1
    }

    /// Inlined, so that marking outside of savepoints makes no call.
    @inline(__always)
    func keepImage(_ line: UInt64) {
        if line >= firstUnusedLine && !keepsImagesOfFreshLines { return }
        if imageCount == imageCapacity {
            guard
                let larger = enlarge(
                    images, &imageCapacity, ofBytes: Self.imageBytes, eachCosting: Self.imageBytes)
            else {
                isIncomplete = true
                return
            }
            images = larger
        }
        let entry = images + imageCount * Self.imageBytes
        entry.storeBytes(of: line, as: UInt64.self)
        Self.copyLine(
            from: image.base + Int(truncatingIfNeeded: line) &* HeapLayout.lineBytes, to: entry + 8)
        imageCount += 1
    }

    /// Sets the marks of some lines of a page whose word is `old`.
    func setMarks(_ page: Int, _ lines: UInt64, _ old: UInt64) {
        if old == 0 { addPage(page) }
        image.touchedLines[page] = old | lines
        lineCount += (lines & ~old).nonzeroBitCount
    }

    func enter(_ newDepth: Int) {
        depth = newDepth
        innermost = depth == 0 ? nil : savepoints[depth - 1]
        isPlain = !isUnlogged && depth == 0
    }

    /// The line of the before-image with this index.
    func lineOfImage(_ index: Int) -> UInt64 {
        (images + index * Self.imageBytes).load(as: UInt64.self)
    }

    func moveImage(_ index: Int, to earlier: Int) {
        (images + earlier * Self.imageBytes).copyMemory(
            from: images + index * Self.imageBytes, byteCount: Self.imageBytes)
    }

    /// Copies a before-image back.
    func restore(_ index: Int) {
        let entry = images + index * Self.imageBytes
        let line = entry.load(as: UInt64.self)
        (image.base + Int(line) * HeapLayout.lineBytes).copyMemory(
            from: entry + 8, byteCount: HeapLayout.lineBytes)
    }

    /// Doubles the capacity, or adds as much as a sixteenth of the budget pays for, whichever is
    /// less; if there is no memory for that, adds an eighth; nil if even that fails.
    @inline(never)
    private func enlarge(
        _ old: UnsafeMutableRawPointer, _ capacity: inout Int, ofBytes size: Int,
        eachCosting cost: Int
    ) -> UnsafeMutableRawPointer? {
        if isIncomplete { return nil }
        checkBudget()
        let step = min(capacity, max(budget / 16 / cost, 64))
        for wanted in [capacity + step, capacity + min(step, capacity / 8)] {
            guard let larger = FallibleMemory.reallocate(old, byteCount: wanted * size) else {
                continue
            }
            capacity = wanted
            return larger
        }
        return nil
    }

    /// Copies one line, in registers.
    @inline(__always)
    private static func copyLine(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer)
    {
        target.storeBytes(of: source.loadUnaligned(as: SIMD64<UInt8>.self), as: SIMD64<UInt8>.self)
    }

    // MARK: Ending the transaction

    /// An upper bound for the bytes of this transaction's log record: every line a run of its own.
    var recordBound: Int { LogRecord.headerBytes + lineCount * (8 + HeapLayout.lineBytes) }

    /// Writes the dirty lines below page `endPage` to `record` as runs, behind space for the
    /// header; returns the number of runs and the record's size. Pages beyond the heap's end are
    /// free and need not be logged. The pages written are now private.
    func writeRuns(to record: UnsafeMutableRawPointer, endPage: UInt64) -> (
        runs: UInt32, bytes: Int
    ) {
        var at = record + LogRecord.headerBytes
        var runs: UInt32 = 0
        for index in 0 ..< pageCount {
            let page = Int(pages[index])
            let word = image.touchedLines[page]
            // An empty word: unmarked, or listed twice and already written.
            guard word != 0 else { continue }
            image.touchedLines[page] = 0
            guard page < Int(endPage) else { continue }
            image.markPrivate(page: page)
            let pageAddress = image.base + page * HeapLayout.pageBytes
            LineMask.forEachRun(in: word) { first, count in
                let bytes = count * HeapLayout.lineBytes
                let firstLine = UInt64(page * HeapLayout.linesPerPage + first)
                at.storeBytes(of: firstLine << 16 | UInt64(count), as: UInt64.self)
                var source = pageAddress + first &* HeapLayout.lineBytes
                if count <= 4 {
                    // Most commits are a few scattered lines, for which a call to `memcpy` costs
                    // more than the copy.
                    var target = at + 8
                    for _ in 0 ..< count {
                        Self.copyLine(from: source, to: target)
                        source += HeapLayout.lineBytes
                        target += HeapLayout.lineBytes
                    }
                } else {
                    (at + 8).copyMemory(from: source, byteCount: bytes)
                }
                at += 8 + bytes
                runs += 1
            }
        }
        return (runs, at - record)
    }

    /// Clears all marks after a commit.
    func reset() {
        pageCount = 0
        imageCount = 0
        lineCount = 0
        // Releases the memory of a giant transaction.
        if imageCapacity > 1 << 16,
            let smaller = FallibleMemory.reallocate(images, byteCount: 1024 * Self.imageBytes)
        {
            images = smaller
            imageCapacity = 1024
        }
    }

    /// Clears all marks before the image is remapped.
    func forgetAll() throws(MappingError) {
        try image.clearTouchedLines()
        isIncomplete = false
        reset()
    }

    /// Restores every before-image and clears all marks.
    func undo() {
        for index in stride(from: imageCount - 1, through: 0, by: -1) { restore(index) }
        image.countPrivate(pages: pageCount)
        clearWords()
        reset()
    }

    /// Ends a transaction of a heap without a log: the changes stay in this process.
    func keepWithoutLog() {
        for index in 0 ..< pageCount { image.markPrivate(page: Int(pages[index])) }
        clearWords()
        reset()
    }

    private func clearWords() {
        for index in 0 ..< pageCount { image.touchedLines[Int(pages[index])] = 0 }
    }

    /// Whether `line` is marked.
    func isDirty(line: UInt64) -> Bool {
        image.touchedLines[Int(line >> 6)] & (1 << (line & 63)) != 0
    }
}
