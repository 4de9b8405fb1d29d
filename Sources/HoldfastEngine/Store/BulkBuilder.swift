import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Builds a new heap without a log: changes go directly into a shared mapping of a file that cannot
/// be opened by name yet.
///
/// Neither dirty lines nor before-images are kept, so an aborted transaction invalidates the whole
/// build, and so does a crash. In return, filling a large heap costs one copy instead of three, and
/// no memory beyond the page cache.
final class BulkBuilder {
    private let dataFile: DataFile
    private let view: HeapView
    private let builder: HeapFileBuilder
    private static let granule = 1 << 20

    /// Begins to build a heap; `finish` gives it its name.
    init(dataFile: DataFile, view: HeapView) throws(HeapError) {
        self.dataFile = dataFile
        self.view = view
        let options = dataFile.options
        // A file that will be replaced determines the permissions.
        let rights =
            options.rightsOfNewFiles
            ?? (try? dataFile.disk.open(dataFile.location, .readOnly).rights())
        builder = try HeapFileBuilder(
            path: dataFile.location, named: dataFile.path, rights: rights, disk: dataFile.disk)
        dataFile.file = builder.file
    }

    /// Creates the first pages, in the file and in the image.
    func start() throws(HeapError) {
        do throws(SystemError) {
            try builder.file.grow(
                from: 0, to: Self.granule, reservingBlocks: dataFile.options.reservesBlocks)
            try builder.file.write(AllocatorRoot.initialPages(), at: 0)
        } catch {
            throw builder.heapError(error)
        }
        view.dirty.isUnlogged = true
        try view.image.mapShared(builder.file, byteCount: Self.granule)
        view.committedPages = view.pagesInImage
        view.growBuild = { [unowned self] (bytes) throws(HeapError) in
            try self.extend(toBytes: bytes)
        }
    }

    /// Extends the file and its mapping. If the file cannot grow, because the disk is full or for
    /// any other reason, the build continues in anonymous memory, because the caller cannot be
    /// interrupted here. `HeapView.requireBuildable` throws the error later.
    func extend(toBytes bytes: Int) throws(HeapError) {
        let image = view.image
        guard bytes <= HeapImage.maximumBytes else {
            throw HeapError.tooLarge(path: view.path, limitBytes: UInt64(HeapImage.maximumBytes))
        }
        if view.buildFailure == nil {
            do throws(HeapError) { return try extendFile(toBytes: bytes) } catch {
                view.buildFailure = error
            }
        }
        let oldPages = image.byteCount / HeapLayout.pageBytes
        try image.extend(to: bytes, path: view.path)
        // As in the file's part, every line counts as dirty.
        let newPages = image.byteCount / HeapLayout.pageBytes - oldPages
        (image.touchedLines + oldPages).update(repeating: ~0, count: newPages)
    }

    private func extendFile(toBytes bytes: Int) throws(HeapError) {
        let image = view.image
        let roomy = FileGrowth.nextSize(
            current: image.byteCount, needed: bytes, granule: Self.granule, maximumStep: 1 << 30)
        let exact = SystemPage.roundUp(bytes, to: Self.granule)
        var failure: SystemError?
        // The extra space is only a reserve; the exact size may still fit.
        for target in roomy > exact ? [roomy, exact] : [exact] {
            do throws(SystemError) {
                try builder.file.grow(
                    from: image.byteCount, to: target,
                    reservingBlocks: dataFile.options.reservesBlocks)
            } catch {
                failure = error
                continue
            }
            return try image.mapShared(builder.file, byteCount: target)
        }
        if let failure {
            throw HeapError(failure.renamed(to: view.path))
        }
    }

    /// Throws `busy` if `finish` with `replacing` would not be able to replace the existing file.
    func requireReplaceable() throws(HeapError) { try builder.requireReplaceable() }

    /// Writes checksums and header, syncs, and renames. On return the heap exists, durably and at
    /// rest. No transaction may be open.
    ///
    /// A copy of `source` continues its commit numbers.
    func finish(replacing: Bool, continuing source: HeapView?) throws(HeapError) {
        try view.requireBuildable()
        if !replacing, dataFile.disk.exists(dataFile.location) {
            throw HeapError.alreadyExists(path: dataFile.path)
        }
        Allocator.trim(view)
        let table = PageChecksums(root: view.rootBytes)
        let end = Int(view.pagesInImage)
        do throws(SystemError) {
            let sum = try writeChecksums(table, end: end)
            try finishFile(end: end)
            var header = HeapHeader.made(identity: dataFile.identity, hashSeed: view.hashSeed)
            header.commitNumber = 1
            if let source {
                header.checkpointPosition = source.applied
                header.checkpointChain = source.previousChecksum
                header.commitNumber = source.commitNumber
            }
            header.heapPages = UInt64(end)
            header.pageMapParts = table.parts
            header.pageSum = sum
            if view.image.fault != nil { throw SystemError(.write, dataFile.path, .ioError) }
            try builder.finish(header, replacing: replacing)
        } catch {
            throw builder.heapError(error)
        }
    }

    /// Returns their sum.
    private func writeChecksums(_ table: PageChecksums, end: Int) throws(SystemError) -> UInt64? {
        let keepsBlocks = dataFile.options.reservesBlocks
        var writer = PageWriter(
            file: builder.file, old: table, new: table, sum: 0, isRepair: true,
            keepsBlocks: keepsBlocks)
        // Blocks that the build has freed may have left data in the places of checksums.
        for pages in table.allPages {
            try builder.file.zero(
                at: pages.lowerBound * HeapLayout.pageBytes,
                byteCount: pages.count * HeapLayout.pageBytes, keepsBlocks: keepsBlocks)
        }
        try recordChecksums(end: end, table, &writer)
        try writer.finish()
        return writer.sum
    }

    /// Truncates the file to the heap's end, with zeros behind it, and makes it durable.
    private func finishFile(end: Int) throws(SystemError) {
        let file = builder.file
        let bytes = SystemPage.roundUp(end * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
        let rest = bytes - end * HeapLayout.pageBytes
        if rest > 0 {
            try file.zero(
                at: end * HeapLayout.pageBytes, byteCount: rest,
                keepsBlocks: dataFile.options.reservesBlocks)
        }
        try view.image.syncShared(file)
        if bytes < (try file.size()) { try file.truncate(to: bytes) }
        try file.sync()
    }

    private func recordChecksums(end: Int, _ table: PageChecksums, _ writer: inout PageWriter)
        throws(SystemError)
    {
        let reserved = table.allPages
        var page = Int(HeapLayout.headerPages)
        while page < end {
            if let range = reserved.first(where: { $0.contains(page) }) {
                page = range.upperBound
                continue
            }
            // Holes have no checksums. A page that was stored to is not a hole, even if it has not
            // reached the disk yet.
            guard let data = try builder.file.nextData(from: page * HeapLayout.pageBytes) else {
                return
            }
            if data >= (page + 1) * HeapLayout.pageBytes {
                page = data / HeapLayout.pageBytes
                continue
            }
            try writer.record(
                page,
                UnsafeRawBufferPointer(
                    start: view.image.base + page * HeapLayout.pageBytes,
                    count: HeapLayout.pageBytes))
            page += 1
        }
    }

    /// Removes the file if it has not received its name.
    func end() { builder.end() }
}
