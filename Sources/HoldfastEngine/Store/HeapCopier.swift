import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Writes the snapshot of an opening to a new heap file: complete, at rest, with an identity of its
/// own. Free pages are left out.
///
/// Every page gets a new checksum. So none is written before `requireSound` has compared it with
/// the one that it has in the heap's own file; that throws if it is damaged.
///
/// The caller has a read transaction open, whose snapshot stays fixed meanwhile.
struct HeapCopier {
    /// Pages per write: 1 MiB.
    private static let stepPages = 256

    let dataFile: DataFile
    let view: HeapView
    let requireSound: (_ pages: Range<Int>) throws(HeapError) -> Void

    func copy(
        to destination: String, replacing: Bool, progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) {
        let disk = dataFile.disk.diskOfCopies
        if let objection = PathObjection(toText: destination) {
            throw HeapError(objection, path: destination)
        }
        let place = disk.resolve(destination)
        if !replacing, disk.exists(place) { throw HeapError.alreadyExists(path: destination) }
        let rights = try dataFile.translating { () throws(SystemError) in
            try dataFile.file?.rights()
        }
        let builder = try HeapFileBuilder(
            path: place, named: destination, rights: rights, disk: disk)
        defer { builder.end() }
        if replacing { try builder.requireReplaceable() }
        let table = PageChecksums(root: view.rootBytes)
        var walk = PageWalk(base: view.image.base, end: view.committedPages)
        let size = SystemPage.roundUp(
            Int(view.committedPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
        try builder.translating { () throws(SystemError) in
            try builder.file.grow(from: 0, to: size, reservingBlocks: false)
        }
        var writer = PageWriter(
            file: builder.file, old: table, new: table, sum: 0, isRepair: true, keepsBlocks: false)
        var ahead = AscendingReads(view.image)
        while let run = walk.next() {
            if run.kind != .free {
                let isComplete = try copy(
                    run.pages, leavingOut: table.allPages, &writer, &ahead, builder)
                guard isComplete else { throw HeapError.cancelled(path: destination) }
            }
            progress?(run.pages.upperBound, Int(view.committedPages))
        }
        try builder.translating { () throws(SystemError) in try writer.finish() }
        guard !walk.isBroken else {
            throw HeapError.damaged(path: dataFile.path, what: "the page map is invalid")
        }
        var header = HeapHeader.made(identity: .random(), hashSeed: view.hashSeed)
        header.checkpointPosition = view.applied
        header.checkpointChain = view.previousChecksum
        header.commitNumber = view.commitNumber
        header.heapPages = view.committedPages
        header.pageMapParts = table.parts
        header.pageSum = writer.sum
        // Two syncs: if the name became durable first, a header that names missing pages would make
        // a damaged heap.
        try builder.translating { () throws(SystemError) in try builder.file.sync() }
        try view.requireNoFault()
        try builder.translating { () throws(SystemError) in
            try builder.finish(header, replacing: replacing)
        }
    }

    /// Writes the pages, except checksum pages and pages that were never written. False if the
    /// program has cancelled the copy.
    private func copy(
        _ pages: Range<Int>, leavingOut reserved: [Range<Int>], _ writer: inout PageWriter,
        _ ahead: inout AscendingReads, _ builder: HeapFileBuilder
    ) throws(HeapError) -> Bool {
        var page = max(pages.lowerBound, Int(HeapLayout.headerPages))
        while page < pages.upperBound {
            if let range = reserved.first(where: { $0.contains(page) }) {
                page = range.upperBound
                continue
            }
            if let end = try builder.translating({ () throws(SystemError) in
                try endOfHole(from: page, before: pages.upperBound)
            }) {
                // Also where there should be none.
                try requireSound(page ..< end)
                page = end
                continue
            }
            let limit = min(
                pages.upperBound, page + Self.stepPages,
                reserved.filter { $0.lowerBound > page }.map(\.lowerBound).min() ?? Int.max)
            ahead.reach(page: page)
            try requireSound(page ..< limit)
            try builder.translating { () throws(SystemError) in
                try writer.write(
                    firstPage: page,
                    UnsafeRawBufferPointer(
                        start: view.image.base + page * HeapLayout.pageBytes,
                        count: (limit - page) * HeapLayout.pageBytes))
            }
            page = limit
            if dataFile.options.isCancelled?() == true { return false }
        }
        return true
    }

    /// The end of the pages from `page` on that were never written; nil if that one was.
    private func endOfHole(from page: Int, before end: Int) throws(SystemError) -> Int? {
        guard !view.image.isPrivate(page: page), let file = dataFile.file,
            page * HeapLayout.pageBytes < dataFile.byteCount
        else { return nil }
        // Before `nextPrivate` looks again: a checkpoint makes a hole of a page only after it has
        // become private.
        let data = try file.nextData(from: page * HeapLayout.pageBytes) ?? Int.max
        guard data >= (page + 1) * HeapLayout.pageBytes else { return nil }
        return nextPrivate(from: page, before: min(end, data / HeapLayout.pageBytes))
    }

    private func nextPrivate(from page: Int, before end: Int) -> Int {
        var page = page
        while page < end, !view.image.isPrivate(page: page) { page += 1 }
        return page
    }
}
