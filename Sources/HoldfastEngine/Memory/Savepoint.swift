import HoldfastFormat
import HoldfastSystem

/// An open savepoint of the write transaction: where the dirty tracker stood at the mark, and the
/// pages that have changed since.
///
/// The pages are in one array, in the order of their first change, with a hash index over it (open
/// addressing, linear probing). So adding a page is O(1) expected, and walking and clearing are
/// O(pages changed since the mark), whatever the size of the heap or of the transaction.
///
/// A class with its arrays in raw memory, for the reasons that `DirtyTracker` gives. Objects are
/// reused by later savepoints of the same depth.
final class Savepoint {
    struct Page {
        let number: UInt32
        /// The index of the next page whose marks are shown; see `Savepoint.show`.
        var nextShown: UInt32
        /// The lines that can be restored: they have a before-image from after the mark, or lie
        /// beyond the heap's end at the mark.
        var savedLines: UInt64
        /// The page's dirty lines at the mark.
        let dirtyAtMark: UInt64

        static let notShown: UInt32 = .max
        static let lastShown: UInt32 = .max - 1
    }

    /// The tracker's counts at the mark.
    private(set) var imageCount = 0
    private(set) var pageCount = 0
    private(set) var lineCount = 0
    /// The first unused line of the enclosing savepoint, or of the transaction.
    private(set) var enclosingFirstUnusedLine: UInt64 = 0

    /// The changed pages.
    private(set) var pages: UnsafeMutablePointer<Page>
    private(set) var count = 0
    private var capacity = Savepoint.smallest
    /// Indices of pages, plus one; zero is an empty slot. Twice as many slots as `capacity`.
    private var slots: UnsafeMutablePointer<UInt32>
    /// The page found last: changes come in groups on one page.
    private var latest = 0
    private var firstShown = Page.lastShown

    private static let smallest = 16

    /// Nil if there is no memory.
    init?() {
        guard let (pages, slots) = Self.memory(Self.smallest) else { return nil }
        (self.pages, self.slots) = (pages, slots)
    }

    deinit {
        FallibleMemory.free(pages)
        FallibleMemory.free(slots)
    }

    private static func memory(_ capacity: Int) -> (
        UnsafeMutablePointer<Page>, UnsafeMutablePointer<UInt32>
    )? {
        guard
            let pages = FallibleMemory.allocate(byteCount: capacity * MemoryLayout<Page>.stride)
        else { return nil }
        guard let slots = FallibleMemory.allocateZeros(byteCount: capacity * 2 * 4) else {
            FallibleMemory.free(pages)
            return nil
        }
        return (
            pages.bindMemory(to: Page.self, capacity: capacity),
            slots.bindMemory(to: UInt32.self, capacity: capacity * 2)
        )
    }

    /// Sets the mark. The savepoint has no pages.
    func begin(images: Int, pages: Int, lines: Int, firstUnusedLine: UInt64) {
        imageCount = images
        pageCount = pages
        lineCount = lines
        enclosingFirstUnusedLine = firstUnusedLine
    }

    // MARK: Pages

    func find(_ page: Int) -> UnsafeMutablePointer<Page>? {
        if latest < count, pages[latest].number == page { return pages + latest }
        var slot = firstSlot(page)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if pages[index].number == page {
                latest = index
                return pages + index
            }
            slot = next(slot)
        }
        return nil
    }

    /// The page's entry. A new one says that `dirty` were the page's dirty lines at the mark. Nil
    /// if there is no memory.
    func findOrAdd(_ page: Int, dirty: UInt64) -> UnsafeMutablePointer<Page>? {
        if let found = find(page) { return found }
        if count == capacity, !grow() { return nil }
        pages[count] = Page(
            number: UInt32(truncatingIfNeeded: page), nextShown: Page.notShown, savedLines: 0,
            dirtyAtMark: dirty)
        latest = count
        count += 1
        enter(latest)
        return pages + latest
    }

    private func enter(_ index: Int) {
        var slot = firstSlot(Int(pages[index].number))
        while slots[slot] != 0 { slot = next(slot) }
        slots[slot] = UInt32(truncatingIfNeeded: index + 1)
    }

    private func firstSlot(_ page: Int) -> Int {
        let hash = UInt64(truncatingIfNeeded: page) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: hash &>> 32) & (capacity * 2 - 1)
    }

    private func next(_ slot: Int) -> Int { (slot + 1) & (capacity * 2 - 1) }

    private func grow() -> Bool {
        guard let (morePages, moreSlots) = Self.memory(capacity * 2) else { return false }
        morePages.update(from: pages, count: count)
        FallibleMemory.free(pages)
        FallibleMemory.free(slots)
        (pages, slots) = (morePages, moreSlots)
        capacity *= 2
        for index in 0 ..< count { enter(index) }
        return true
    }

    /// Removes all pages. None may be shown. O(pages), and releases the memory of many.
    func clear() {
        if capacity > 4096, let (fewPages, fewSlots) = Self.memory(Self.smallest) {
            FallibleMemory.free(pages)
            FallibleMemory.free(slots)
            (pages, slots) = (fewPages, fewSlots)
            capacity = Self.smallest
        } else {
            // Newest first: a page's probes pass only over pages that were entered before it.
            for index in stride(from: count - 1, through: 0, by: -1) {
                var slot = firstSlot(Int(pages[index].number))
                while slots[slot] != index + 1 { slot = next(slot) }
                slots[slot] = 0
            }
        }
        count = 0
    }

    // MARK: Shown marks

    /// Shows the page's lines that need no more attention as marks in `table`, where the stores of
    /// the transaction look first.
    ///
    /// There is one such table for all savepoints, and it shows pages of the innermost one only.
    /// When another one begins, or one ends, the shown pages are hidden; a page is shown again when
    /// it is next changed. So each hiding is paid for by a change, and no nesting makes it dearer.
    func show(
        _ page: UnsafeMutablePointer<Page>, _ marks: UInt64,
        in table: UnsafeMutablePointer<UInt64>
    ) {
        table[Int(page.pointee.number)] = marks
        guard page.pointee.nextShown == Page.notShown else { return }
        page.pointee.nextShown = firstShown
        firstShown = UInt32(truncatingIfNeeded: page - pages)
    }

    func hideAll(in table: UnsafeMutablePointer<UInt64>) {
        while firstShown != Page.lastShown {
            let page = pages + Int(firstShown)
            table[Int(page.pointee.number)] = 0
            firstShown = page.pointee.nextShown
            page.pointee.nextShown = Page.notShown
        }
    }
}
