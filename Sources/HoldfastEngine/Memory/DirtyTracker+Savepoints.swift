import HoldfastFormat

/// Savepoints: partial rollback of the open write transaction.
///
/// The before-images form an undo log, and a savepoint is a place in it. What makes a savepoint's
/// cost follow the lines changed since its mark, and not the transaction:
///
/// - *Beginning* swaps the table that stores look at for an empty one, so the first change of each
///   line after the mark comes here and gets a before-image, even if the line was dirty before. The
///   table of lines to be logged stays as it is, and is kept up to date here.
/// - *Undoing* copies the before-images since the mark back, newest first, and puts back which
///   lines of the changed pages were dirty. So lines that only the savepoint has changed are clean
///   again, and are not logged.
/// - *Releasing* drops the before-images that the enclosing savepoint, or the transaction, does not
///   need because it has older ones of the same lines. So many savepoints one after the other keep
///   no more than one.
///
/// Lines beyond the heap's end at the mark have no before-images. Undoing fills them with zeros, so
/// a handle to something there is recognised as stale.
extension DirtyTracker {
    /// The marks that stores look at, to find out whether a line needs attention.
    var shownMarks: UnsafeMutablePointer<UInt64> {
        depth == 0 ? image.touchedLines : image.linesSinceMark
    }

    /// Sets a mark in the transaction, which has `endPage` pages. False if there is no memory, and
    /// nothing has changed. O(1), apart from hiding pages (`Savepoint.show`).
    func beginSavepoint(endPage: UInt64) -> Bool {
        if savepoints.count == depth {
            guard let new = Savepoint() else { return false }
            savepoints.append(new)
        }
        innermost?.hideAll(in: image.linesSinceMark)
        let new = savepoints[depth]
        new.begin(
            images: imageCount, pages: pageCount, lines: lineCount,
            firstUnusedLine: firstUnusedLine)
        // Never less than the enclosing one's: pages that the transaction has freed at the heap's
        // end may be taken again in here, and their lines matter to the enclosing mark.
        firstUnusedLine = max(
            firstUnusedLine, endPage << (HeapLayout.pageShift - HeapLayout.lineShift))
        enter(depth + 1)
        return true
    }

    /// Restores the innermost mark and ends the savepoint. O(lines changed since the mark).
    func undoSavepoint() {
        guard let savepoint = innermost else { return }
        savepoint.hideAll(in: image.linesSinceMark)
        for index in stride(from: imageCount - 1, through: savepoint.imageCount, by: -1) {
            restore(index)
        }
        for index in 0 ..< savepoint.count {
            let page = savepoint.pages[index]
            if !keepsImagesOfFreshLines { zeroUnusedLines(of: page) }
            image.touchedLines[Int(page.number)] = page.dirtyAtMark
        }
        // The system has copied these pages, though their contents are the old ones again.
        for index in savepoint.pageCount ..< pageCount {
            image.markPrivate(page: Int(pages[index]))
        }
        imageCount = savepoint.imageCount
        pageCount = savepoint.pageCount
        lineCount = savepoint.lineCount
        end(savepoint)
    }

    /// Ends the innermost savepoint and keeps its changes, as changes of the enclosing savepoint or
    /// of the transaction. O(lines changed since the mark).
    func releaseSavepoint() {
        guard let savepoint = innermost else { return }
        savepoint.hideAll(in: image.linesSinceMark)
        let enclosing = depth > 1 ? savepoints[depth - 2] : nil
        var kept = savepoint.imageCount
        for index in savepoint.imageCount ..< imageCount {
            let line = lineOfImage(index)
            if needsImage(of: line, from: savepoint, in: enclosing) {
                if kept != index { moveImage(index, to: kept) }
                kept += 1
            }
        }
        imageCount = kept
        if let enclosing { add(savepoint, to: enclosing) }
        end(savepoint)
    }

    /// Ends the innermost savepoint without restoring anything, because before-images are missing.
    func abandonSavepoint() {
        guard let savepoint = innermost else { return }
        savepoint.hideAll(in: image.linesSinceMark)
        end(savepoint)
    }

    private func needsImage(of line: UInt64, from savepoint: Savepoint, in enclosing: Savepoint?)
        -> Bool
    {
        if line >= savepoint.enclosingFirstUnusedLine, !keepsImagesOfFreshLines { return false }
        let page = Int(truncatingIfNeeded: line >> 6)
        let older =
            if let enclosing {
                enclosing.find(page)?.pointee.savedLines ?? 0
            } else {
                savepoint.find(page)?.pointee.dirtyAtMark ?? 0
            }
        return older & 1 << (line & 63) == 0
    }

    private func add(_ savepoint: Savepoint, to enclosing: Savepoint) {
        for index in 0 ..< savepoint.count {
            let page = savepoint.pages[index]
            // A page that is new to the enclosing savepoint had the same dirty lines at both marks.
            guard let entry = enclosing.findOrAdd(Int(page.number), dirty: page.dirtyAtMark) else {
                isIncomplete = true
                return
            }
            entry.pointee.savedLines |= page.savedLines
        }
    }

    private func end(_ savepoint: Savepoint) {
        firstUnusedLine = savepoint.enclosingFirstUnusedLine
        savepoint.clear()
        enter(depth - 1)
    }

    private func zeroUnusedLines(of page: Savepoint.Page) {
        guard UInt64(page.number) << 6 >= firstUnusedLine else { return }
        let address = image.base + Int(page.number) * HeapLayout.pageBytes
        LineMask.forEachRun(in: page.savedLines) { first, count in
            (address + first * HeapLayout.lineBytes).initializeMemory(
                as: UInt8.self, repeating: 0, count: count * HeapLayout.lineBytes)
        }
    }

    // MARK: Marking lines

    /// `markDirty` while a savepoint is open. Not inlined into it, which would slow it down.
    @inline(never)
    func markInSavepoint(firstLine: UInt64, lastLine: UInt64) {
        if isUnlogged { return }
        var line = firstLine
        while line <= lastLine {
            let page = Int(truncatingIfNeeded: line >> 6)
            let last = min(lastLine, line | 63)
            mark(page, LineMask.bits(first: line & 63, count: Int(last - line) + 1))
            line = last + 1
        }
    }

    private func mark(_ page: Int, _ lines: UInt64) {
        let old = image.touchedLines[page]
        guard let savepoint = innermost, let entry = savepoint.findOrAdd(page, dirty: old) else {
            isIncomplete = true
            return
        }
        var missing = lines & ~entry.pointee.savedLines
        while missing != 0 {
            keepImage(UInt64(page) << 6 | UInt64(missing.trailingZeroBitCount))
            missing &= missing - 1
        }
        entry.pointee.savedLines |= lines
        setMarks(page, lines, old)
        savepoint.show(
            entry, entry.pointee.savedLines & image.touchedLines[page], in: image.linesSinceMark)
    }

    /// `unmark` while a savepoint is open.
    @inline(never)
    func unmarkInSavepoint(page: Int) {
        let word = image.touchedLines[page]
        guard word != 0 else { return }
        guard innermost?.findOrAdd(page, dirty: word) != nil else {
            isIncomplete = true
            return
        }
        clearMarks(page)
        image.linesSinceMark[page] = 0
    }
}
