import HoldfastFormat

/// Free runs of pages: binned by size (a two-level segregated fit, Masmano et al., "TLSF", ECRTS
/// 2004) and coalesced immediately with free neighbours.
///
/// Invariants: no two free runs touch; the run that ends at the heap's end is never free (it
/// becomes part of the space beyond the end); each free run is in the bin of its size; a bin's bit
/// is set if and only if the bin has a run.
enum FreeRunBins {
    static let count = 256

    /// The most runs of a bin that are compared with a request.
    static let longestSearch = 64

    /// Bins 1…31 hold runs of exactly that many pages; from there on, each doubling has eight bins.
    static func bin(forRunOf pages: UInt64) -> Int {
        if pages < 32 { return Int(pages) }
        let log = 63 - pages.leadingZeroBitCount
        return 32 + (log - 5) * 8 + Int((pages >> UInt64(log - 3)) & 7)
    }

    /// The first bin in which every run has at least `pages` pages.
    static func bin(holdingAtLeast pages: UInt64) -> Int {
        if pages < 32 { return Int(pages) }
        let log = 63 - pages.leadingZeroBitCount
        let step: UInt64 = 1 << UInt64(log - 3)
        return bin(forRunOf: (pages + step - 1) & ~(step - 1))
    }
}

extension Allocator {
    /// Takes a run of exactly `pages` pages: from the free runs if one is long enough, otherwise
    /// from beyond the heap's end. `partsBelow` limits the parts of the page map that this call may
    /// create, because the run may itself be such a part.
    func takeRun(
        pages: UInt64, as kind: PageDescriptor.Kind, sizeClass: UInt8 = 0,
        partsBelow: Int = PageMap.partCount
    ) -> UInt64 {
        let page: UInt64
        if let found = findFreeRun(pages: pages) {
            page = found
            take(pages: pages, ofFreeRun: found)
        } else {
            // A new part of the page map may itself extend the heap, and so make the next part
            // necessary.
            var wanted: UInt64
            repeat {
                wanted = end
                ensurePageMap(newEnd: wanted + pages, partsBelow: partsBelow)
            } while end != wanted
            page = wanted
            setEnd(page + pages)
        }
        describeRun(
            PageDescriptor(kind: kind, sizeClass: sizeClass, pages: UInt32(pages)), at: page)
        return page
    }

    private func take(pages: UInt64, ofFreeRun page: UInt64) {
        let length = UInt64(descriptor(page).pages)
        guard length >= pages else {
            Misuse.damaged(access, "the free run at page \(page) is in the wrong bin")
        }
        unlinkFreeRun(page, pages: length)
        if length > pages { linkFreeRun(page + pages, pages: length - pages) }
    }

    /// Takes a run of exactly `pages` pages from a free run, so that it ends at or before `end`;
    /// nil if none is found.
    func takeFreeRun(
        pages: UInt64, before end: UInt64, as kind: PageDescriptor.Kind, sizeClass: UInt8 = 0
    ) -> UInt64? {
        var bin = FreeRunBins.bin(forRunOf: pages)
        while let next = firstBin(from: bin) {
            let found = findFreeRun(inBin: next) { $1 >= pages && $0 + pages <= end }
            if let page = found {
                take(pages: pages, ofFreeRun: page)
                describeRun(
                    PageDescriptor(kind: kind, sizeClass: sizeClass, pages: UInt32(pages)),
                    at: page)
                return page
            }
            bin = next + 1
            guard bin < FreeRunBins.count else { return nil }
        }
        return nil
    }

    /// Frees a run and coalesces it with its free neighbours.
    func releaseRun(page: UInt64, expecting kind: PageDescriptor.Kind) {
        let freed = descriptor(page)
        guard freed.kind == kind, freed.pages > 0, page + UInt64(freed.pages) <= end else {
            Misuse.damaged(access, "a run at page \(page) was freed that is not one (freed twice?)")
        }
        release(first: page, pages: UInt64(freed.pages))
    }

    /// Frees pages that are a whole run, or the rest of a split one; the caller guarantees it.
    func release(first page: UInt64, pages: UInt64) {
        access.unmark(firstPage: page, pageCount: pages)
        var first = page
        var length = pages
        let before = descriptor(first - 1)
        if before.kind == .free || before.kind == .freeTail {
            let neighbour = before.kind == .free ? 1 : UInt64(before.pages)
            guard neighbour < first else {
                Misuse.damaged(access, "a free run before page \(first) is too long")
            }
            unlinkFreeRun(first - neighbour, pages: neighbour)
            // A second free of the coalesced run must be recognised.
            setDescriptor(PageDescriptor(kind: .none, pages: 0), first)
            first -= neighbour
            length += neighbour
        }
        if first + length < end {
            let after = descriptor(first + length)
            if after.kind == .free {
                unlinkFreeRun(first + length, pages: UInt64(after.pages))
                length += UInt64(after.pages)
            }
        }
        if first + length == end {
            setDescriptor(PageDescriptor(kind: .none, pages: 0), first)
            setEnd(first)
        } else {
            linkFreeRun(first, pages: length)
        }
    }

    /// Extends the run at `page` in place with the free pages behind it; false if there are too
    /// few.
    func growRun(
        page: UInt64, from pages: UInt64, to newPages: UInt64, as kind: PageDescriptor.Kind
    ) -> Bool {
        let extra = newPages - pages
        let next = page + pages
        if next == end {
            ensurePageMap(newEnd: end + extra, partsBelow: PageMap.partCount)
            guard next == end else { return false }
            setEnd(next + extra)
        } else {
            let after = descriptor(next)
            guard after.kind == .free, UInt64(after.pages) >= extra else { return false }
            unlinkFreeRun(next, pages: UInt64(after.pages))
            if UInt64(after.pages) > extra {
                linkFreeRun(next + extra, pages: UInt64(after.pages) - extra)
            }
        }
        describeRun(PageDescriptor(kind: kind, pages: UInt32(newPages)), at: page)
        return true
    }

    /// Whether the run of `pages` pages at `page` is the heap's last, or has `extra` free pages
    /// behind it.
    func isFree(after page: UInt64, pages: UInt64, extra: UInt64) -> Bool {
        let next = page + pages
        guard next < end else { return next == end }
        let after = descriptor(next)
        return after.kind == .free && UInt64(after.pages) >= extra
    }

    // MARK: Bins

    /// Whether a free run of this many pages is available.
    func hasFreeRun(pages: UInt64) -> Bool { findFreeRun(pages: pages) != nil }

    private func findFreeRun(pages: UInt64) -> UInt64? {
        let sure = FreeRunBins.bin(holdingAtLeast: pages)
        if let bin = firstBin(from: sure) {
            return UInt64(access.load(AllocatorRoot.bins + UInt64(bin) * 4, as: UInt32.self))
        }
        // Among the smaller bins, only the one that `pages` itself belongs to can hold a run that
        // is long enough. Search its beginning before extending the file: all of its runs can be
        // just too short, and there can be any number.
        let own = FreeRunBins.bin(forRunOf: pages)
        guard own != sure else { return nil }
        return findFreeRun(inBin: own) { $1 >= pages }
    }

    /// The first run of the bin that `fits`, by its first page and its number of pages, among
    /// `longestSearch`.
    private func findFreeRun(
        inBin bin: Int, _ fits: (_ page: UInt64, _ pages: UInt64) -> Bool
    ) -> UInt64? {
        var candidate = UInt64(access.load(AllocatorRoot.bins + UInt64(bin) * 4, as: UInt32.self))
        var before: UInt64 = 0
        var steps = 0
        while candidate != 0, steps < FreeRunBins.longestSearch {
            steps += 1
            let run = descriptor(candidate)
            guard run.kind == .free, UInt64(run.previous) == before else {
                Misuse.damaged(
                    access, "page \(candidate) does not belong in its place in a list of free runs")
            }
            if fits(candidate, UInt64(run.pages)) { return candidate }
            before = candidate
            candidate = UInt64(run.next)
        }
        return nil
    }

    private func firstBin(from bin: Int) -> Int? {
        var word = bin >> 6
        var bits =
            access.load(AllocatorRoot.binBits + UInt64(word) * 8, as: UInt64.self)
            & (~0 << UInt64(bin & 63))
        while bits == 0 {
            word += 1
            guard word < FreeRunBins.count / 64 else { return nil }
            bits = access.load(AllocatorRoot.binBits + UInt64(word) * 8, as: UInt64.self)
        }
        return word * 64 + bits.trailingZeroBitCount
    }

    private func linkFreeRun(_ page: UInt64, pages: UInt64) {
        let bin = FreeRunBins.bin(forRunOf: pages)
        let head = AllocatorRoot.bins + UInt64(bin) * 4
        let first = access.load(head, as: UInt32.self)
        var descriptor = PageDescriptor(kind: .free, pages: UInt32(pages))
        descriptor.next = first
        describeRun(descriptor, at: page)
        if first != 0 {
            var old = self.descriptor(UInt64(first))
            old.previous = UInt32(page)
            setDescriptor(old, UInt64(first))
        } else {
            setBit(bin, true)
        }
        access.store(UInt32(page), at: head)
    }

    private func unlinkFreeRun(_ page: UInt64, pages: UInt64) {
        var run = descriptor(page)
        guard run.kind == .free, UInt64(run.pages) == pages, page + pages <= end else {
            Misuse.damaged(access, "the free run at page \(page) does not match its neighbours")
        }
        let bin = FreeRunBins.bin(forRunOf: pages)
        if run.next != 0 {
            var next = descriptor(UInt64(run.next))
            next.previous = run.previous
            setDescriptor(next, UInt64(run.next))
        }
        if run.previous != 0 {
            var previous = descriptor(UInt64(run.previous))
            previous.next = run.next
            setDescriptor(previous, UInt64(run.previous))
        } else {
            access.store(run.next, at: AllocatorRoot.bins + UInt64(bin) * 4)
            if run.next == 0 { setBit(bin, false) }
        }
        run = PageDescriptor(kind: .none, pages: 0)
        setDescriptor(run, page)
    }

    private func setBit(_ bin: Int, _ value: Bool) {
        let offset = AllocatorRoot.binBits + UInt64(bin >> 6) * 8
        let bits = access.load(offset, as: UInt64.self)
        let bit: UInt64 = 1 << UInt64(bin & 63)
        access.store(value ? bits | bit : bits & ~bit, at: offset)
    }
}
