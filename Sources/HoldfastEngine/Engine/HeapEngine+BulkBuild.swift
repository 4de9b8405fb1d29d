import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Building a new heap without a log: changes go straight into a shared mapping of a file that has no name yet that anyone would open.
///
/// Neither notes nor before-images are kept, so a transaction that is aborted takes the whole build with it, and so does a crash. In return filling a large heap
/// costs one copy instead of three, and no memory beyond the page cache.
extension HeapEngine {
    /// Begins to build a heap at `path`; `finishBuild` gives it its name.
    func openForBuilding() throws(HeapError) {
        let builder = try HeapFileBuilder(path: location, named: path, disk: disk)
        self.builder = builder
        file = builder.file
        let pages = AllocatorRoot.initialPages()
        do throws(DiskError) {
            try builder.file.grow(from: 0, to: 1 << 20, reservingBlocks: options.reservesBlocks)
            try builder.file.write(pages, at: 0)
        } catch {
            throw heapError(error)
        }
        writeSet.isUnlogged = true
        try image.mapShared(builder.file, byteCount: 1 << 20)
        committedPages = pagesInImage
    }

    /// More of the file, and more of it mapped.
    func extendBuild(toBytes bytes: Int) throws(HeapError) {
        guard let builder else { throw HeapError.closed(path: path) }
        guard bytes <= HeapImage.maximumBytes else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(HeapImage.maximumBytes))
        }
        let target = FileGrowth.nextSize(current: image.byteCount, needed: bytes, granule: 1 << 20, maximumStep: 1 << 30)
        do throws(DiskError) {
            try builder.file.grow(from: image.byteCount, to: target, reservingBlocks: options.reservesBlocks)
        } catch {
            throw HeapError(DiskError(error.operation, path, code: error.code))
        }
        try image.mapShared(builder.file, byteCount: target)
    }

    /// Throws `busy` where `finishBuild` with `replacing` would not get to replace the file that is there now.
    package func requireReplaceable() throws(HeapError) {
        guard let builder else { throw HeapError.closed(path: path) }
        try builder.requireReplaceable()
    }

    /// Checksums, header, sync, name: from the return on the heap is there, durably, and at rest. Nothing may be open.
    public func finishBuild(replacing: Bool) throws(HeapError) {
        guard let builder, let file else { throw HeapError.closed(path: path) }
        try requireWritable()
        try requireNoFault()
        if !replacing, disk.exists(location) { throw HeapError.alreadyExists(path: path) }
        let context = makeContext(isWritable: true, enclosing: nil)
        Allocator(access: HeapAccess(context: context, epoch: context.pointee.epoch)).trim()
        endContext(context)
        let end = Int(pagesInImage)
        do throws(DiskError) {
            let root = UnsafeRawBufferPointer(start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
            let table = PageChecksums(root: root)
            var writer = BaseWriter(file: file, old: table, new: table, mends: true, keepsBlocks: options.reservesBlocks)
            // What the build freed again may have left anything in the places of checksums.
            for pages in table.allPages {
                try file.zero(
                    at: pages.lowerBound * HeapLayout.pageBytes, byteCount: pages.count * HeapLayout.pageBytes,
                    keepsBlocks: options.reservesBlocks)
            }
            try recordChecksums(end: end, table, &writer)
            try writer.finish()
            let bytes = SystemPage.roundUp(end * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            // Zeros behind the heap's end, as everywhere.
            let rest = bytes - end * HeapLayout.pageBytes
            if rest > 0 { try file.zero(at: end * HeapLayout.pageBytes, byteCount: rest, keepsBlocks: options.reservesBlocks) }
            try image.syncShared(file)
            if bytes < (try file.size()) { try file.truncate(to: bytes) }
            try file.sync()
            var header = HeapHeader.made(identity: identity, hashSeed: hashSeed)
            header.commitNumber = 1
            header.heapPages = UInt64(end)
            header.pageMapParts = table.parts
            if image.fault != nil { throw DiskError(.write, path, code: EIO) }
            try builder.finish(header, replacing: replacing)
        } catch {
            throw builder.heapError(error)
        }
    }

    private func recordChecksums(end: Int, _ table: PageChecksums, _ writer: inout BaseWriter) throws(DiskError) {
        guard let file else { return }
        let reserved = table.allPages
        var page = Int(HeapLayout.headerPages)
        while page < end {
            if let range = reserved.first(where: { $0.contains(page) }) {
                page = range.upperBound
                continue
            }
            // Holes have no checksums. A page that was stored to is none, also if it has not reached the disk yet.
            guard let data = try file.nextData(from: page * HeapLayout.pageBytes) else { return }
            if data >= (page + 1) * HeapLayout.pageBytes {
                page = data / HeapLayout.pageBytes
                continue
            }
            try writer.record(
                page, UnsafeRawBufferPointer(start: image.base + page * HeapLayout.pageBytes, count: HeapLayout.pageBytes))
            page += 1
        }
    }
}
