import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Building a new heap without a log: changes go straight into a shared mapping of a file that has
/// no name yet that anyone would open.
///
/// Neither notes nor before-images are kept, so a transaction that is aborted takes the whole build
/// with it, and so does a crash. In return filling a large heap costs one copy instead of three,
/// and no memory beyond the page cache.
extension HeapEngine {
    /// Begins to build a heap at `path`; `finishBuild` gives it its name.
    func openForBuilding() throws(HeapError) {
        // What is to be replaced has been given its rights by somebody.
        let rights = options.rightsOfNewFiles ?? (try? disk.open(location, .readOnly).rights())
        let builder = try HeapFileBuilder(path: location, named: path, rights: rights, disk: disk)
        self.builder = builder
        file = builder.file
        let pages = AllocatorRoot.initialPages()
        do throws(SystemError) {
            try builder.file.grow(from: 0, to: 1 << 20, reservingBlocks: options.reservesBlocks)
            try builder.file.write(pages, at: 0)
        } catch {
            throw builder.heapError(error)
        }
        writeSet.isUnlogged = true
        try image.mapShared(builder.file, byteCount: 1 << 20)
        committedPages = pagesInImage
    }

    /// Begins to build a heap at `path` that is to be a packed copy of what `source` shows, with
    /// room on the disk for `room` bytes of blocks and what describes them. A full disk is an error
    /// here and not when the room is used.
    public convenience init(copyOf source: HeapEngine, at path: String, replacing: Bool, room: Int)
        throws(HeapError)
    {
        if !replacing, source.disk.exists(source.disk.resolve(path)) {
            throw HeapError.alreadyExists(path: path)
        }
        var options = source.options
        options.isSnapshot = false
        options.reservesBlocks = true
        try self.init(path: path, mode: .bulkBuild, options: options, disk: source.disk)
        // Hashed tables keep their order.
        seed = source.seed
        if replacing { try requireReplaceable() }
        try extendBuild(toBytes: room + room / 8 + 1 << 20)
    }

    /// More of the file, and more of it mapped. Where the file cannot grow, for a full disk or any
    /// other reason, the build goes on in memory that is no file's, since what has asked for the
    /// room cannot be stopped here; and the error is thrown where the build can be: by
    /// `requireBuildable`.
    func extendBuild(toBytes bytes: Int) throws(HeapError) {
        guard let builder else { throw HeapError.closed(path: path) }
        guard bytes <= HeapImage.maximumBytes else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(HeapImage.maximumBytes))
        }
        if buildFailure == nil {
            do throws(HeapError) { return try extendFile(of: builder, toBytes: bytes) } catch {
                buildFailure = error
            }
        }
        let oldPages = image.byteCount / HeapLayout.pageBytes
        try image.extend(to: bytes, path: path)
        // As in the file's part, every line counts as noted.
        let newPages = image.byteCount / HeapLayout.pageBytes - oldPages
        (image.touchedLines + oldPages).update(repeating: ~0, count: newPages)
    }

    private func extendFile(of builder: HeapFileBuilder, toBytes bytes: Int) throws(HeapError) {
        let granule = 1 << 20
        let roomy = FileGrowth.nextSize(
            current: image.byteCount, needed: bytes, granule: granule, maximumStep: 1 << 30)
        let exact = SystemPage.roundUp(bytes, to: granule)
        var failure: SystemError?
        // The extra space is only in hand for later; the exact need may still fit.
        for target in roomy > exact ? [roomy, exact] : [exact] {
            do throws(SystemError) {
                try builder.file.grow(
                    from: image.byteCount, to: target, reservingBlocks: options.reservesBlocks)
            } catch {
                failure = error
                continue
            }
            return try image.mapShared(builder.file, byteCount: target)
        }
        if let failure {
            throw HeapError(failure.renamed(to: path))
        }
    }

    /// Throws what has made the build come to nothing, if anything has. For those who can stop it;
    /// `commit` and `finishBuild` ask too.
    package func requireBuildable() throws(HeapError) {
        if let buildFailure { throw buildFailure }
        try requireNoFault()
    }

    /// Throws `busy` where `finishBuild` with `replacing` would not get to replace the file that is
    /// there now.
    package func requireReplaceable() throws(HeapError) {
        guard let builder else { throw HeapError.closed(path: path) }
        try builder.requireReplaceable()
    }

    /// Checksums, header, sync, name: from the return on the heap is there, durably, and at rest.
    /// Nothing may be open.
    ///
    /// A copy of `source` goes on counting where that is.
    public func finishBuild(replacing: Bool, continuing source: HeapEngine? = nil) throws(HeapError)
    {
        guard let builder, let file else { throw HeapError.closed(path: path) }
        try requireWritable()
        try requireBuildable()
        if !replacing, disk.exists(location) { throw HeapError.alreadyExists(path: path) }
        let context = makeContext(isWritable: true, enclosing: nil)
        Allocator(access: HeapAccess(context: context, epoch: context.pointee.epoch)).trim()
        endContext(context)
        let end = Int(pagesInImage)
        do throws(SystemError) {
            let root = UnsafeRawBufferPointer(
                start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
            let table = PageChecksums(root: root)
            var writer = BaseWriter(
                file: file, old: table, new: table, mends: true, keepsBlocks: options.reservesBlocks
            )
            // What the build freed again may have left anything in the places of checksums.
            for pages in table.allPages {
                try file.zero(
                    at: pages.lowerBound * HeapLayout.pageBytes,
                    byteCount: pages.count * HeapLayout.pageBytes,
                    keepsBlocks: options.reservesBlocks)
            }
            try recordChecksums(end: end, table, &writer)
            try writer.finish()
            let bytes = SystemPage.roundUp(end * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            // Zeros behind the heap's end, as everywhere.
            let rest = bytes - end * HeapLayout.pageBytes
            if rest > 0 {
                try file.zero(
                    at: end * HeapLayout.pageBytes, byteCount: rest,
                    keepsBlocks: options.reservesBlocks)
            }
            try image.syncShared(file)
            if bytes < (try file.size()) { try file.truncate(to: bytes) }
            try file.sync()
            var header = HeapHeader.made(identity: identity, hashSeed: hashSeed)
            header.commitNumber = 1
            if let source {
                header.checkpointPosition = source.applied
                header.checkpointChain = source.chain
                header.commitNumber = source.commitNumber
            }
            header.heapPages = UInt64(end)
            header.pageMapParts = table.parts
            if image.fault != nil { throw SystemError(.write, path, .ioError) }
            try builder.finish(header, replacing: replacing)
        } catch {
            throw builder.heapError(error)
        }
    }

    private func recordChecksums(end: Int, _ table: PageChecksums, _ writer: inout BaseWriter)
        throws(SystemError)
    {
        guard let file else { return }
        let reserved = table.allPages
        var page = Int(HeapLayout.headerPages)
        while page < end {
            if let range = reserved.first(where: { $0.contains(page) }) {
                page = range.upperBound
                continue
            }
            // Holes have no checksums. A page that was stored to is none, also if it has not
            // reached the disk yet.
            guard let data = try file.nextData(from: page * HeapLayout.pageBytes) else { return }
            if data >= (page + 1) * HeapLayout.pageBytes {
                page = data / HeapLayout.pageBytes
                continue
            }
            try writer.record(
                page,
                UnsafeRawBufferPointer(
                    start: image.base + page * HeapLayout.pageBytes, count: HeapLayout.pageBytes))
            page += 1
        }
    }
}
