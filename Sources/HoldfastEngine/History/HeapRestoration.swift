import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Builds a heap file from its history: the same pages as those of the data file, by the same steps
/// that checkpoints took. The file appears at its path when it is complete and durable.
///
/// Holds at most 16 MiB of changed pages and the checksums of all pages, 8 bytes each.
///
/// One thread at a time, any thread.
package final class HeapRestoration {
    private static let mostChangedPages = 4096

    private let builder: HeapFileBuilder
    private let replacing: Bool
    private let hashSeed: HeapIdentity
    private let creationTime: UInt64
    /// Pages that are not in the file yet.
    private var changed: [Int: PageBuffer] = [:]
    private var entries = PageEntries()
    private var place = HistoryPlace(position: 0, chain: 0, commitNumber: 0)
    private var heapPages: UInt64 = 0
    private var table = PageChecksums(parts: [])

    /// `hashSeed` and `creationTime` are those of the heap that is restored; its identity is a new
    /// one, because from here on it is a heap of its own. `rights`: the permissions of the new
    /// file; nil: those of the process's umask.
    package init(
        path: String, replacing: Bool, hashSeed: HeapIdentity, creationTime: UInt64,
        rights: FileRights? = nil, disk: any Disk
    ) throws(HeapError) {
        if let objection = PathObjection(toText: path) { throw HeapError(objection, path: path) }
        let place = disk.resolve(path)
        if !replacing, disk.exists(place) { throw HeapError.alreadyExists(path: path) }
        builder = try HeapFileBuilder(path: place, named: path, rights: rights, disk: disk)
        self.replacing = replacing
        self.hashSeed = hashSeed
        self.creationTime = creationTime
        if replacing {
            do throws(HeapError) { try builder.requireReplaceable() } catch {
                builder.end()
                throw error
            }
        }
    }

    /// Fills pages with zeros.
    package func zero(pages: Range<Int>) throws(HeapError) {
        guard !pages.isEmpty else { return }
        try flush()
        entries.clear(pages)
        try translating { () throws(SystemError) in
            let end = min(pages.upperBound * HeapLayout.pageBytes, try builder.file.size())
            let start = pages.lowerBound * HeapLayout.pageBytes
            guard start < end else { return }
            try builder.file.zero(at: start, byteCount: end - start, keepsBlocks: false)
        }
    }

    /// Stores lines, a multiple of 64 bytes. They lie behind the two pages of headers.
    package func lay(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws(HeapError) {
        var line = Int(firstLine)
        var offset = 0
        while offset < lines.count {
            let (page, first) = line.quotientAndRemainder(dividingBy: HeapLayout.linesPerPage)
            let bytes = min(
                HeapLayout.pageBytes - first * HeapLayout.lineBytes, lines.count - offset)
            let buffer: PageBuffer
            if let open = changed[page] {
                buffer = open
            } else {
                buffer = try open(page, isWhole: bytes == HeapLayout.pageBytes)
            }
            (buffer.bytes.baseAddress! + first * HeapLayout.lineBytes)
                .copyMemory(from: lines.baseAddress! + offset, byteCount: bytes)
            line += bytes / HeapLayout.lineBytes
            offset += bytes
        }
    }

    private func open(_ page: Int, isWhole: Bool) throws(HeapError) -> PageBuffer {
        if changed.count >= Self.mostChangedPages { try flush() }
        let buffer = PageBuffer(pages: 1)
        if !isWhole {
            try translating { () throws(SystemError) in
                try builder.file.readOrZeros(into: buffer.bytes, at: page * HeapLayout.pageBytes)
            }
        }
        changed[page] = buffer
        return buffer
    }

    /// Writes the changed pages.
    private func flush() throws(HeapError) {
        for page in changed.keys.sorted() {
            let bytes = UnsafeRawBufferPointer(changed[page]!.bytes)
            entries[page] = PageChecksums.checksum(ofPage: page, bytes)
            try translating { () throws(SystemError) in
                try builder.file.write(bytes, at: page * HeapLayout.pageBytes)
            }
        }
        changed.removeAll(keepingCapacity: true)
    }

    /// Ends a step: everything beyond the heap's pages is dropped. Returns the sum of the checksums
    /// of pages, which is that of the data file after the same step.
    @discardableResult
    package func settle(at place: HistoryPlace, heapPages: UInt64) throws(HeapError) -> UInt64 {
        try flush()
        self.place = place
        self.heapPages = heapPages
        let end = Int(heapPages)
        let mostPages = Int(HeapLayout.maximumBytes) >> Int(HeapLayout.pageShift)
        entries.clear(end ..< mostPages)
        let root = PageBuffer(pages: 1)
        try translating { () throws(SystemError) in
            // In this order, so that pages that come back are zeros.
            if try builder.file.size() > end * HeapLayout.pageBytes {
                try builder.file.truncate(to: end * HeapLayout.pageBytes)
            }
            try builder.file.readOrZeros(into: root.bytes, at: Int(AllocatorRoot.offset))
        }
        table = PageChecksums(root: UnsafeRawBufferPointer(root.bytes))
        // The log may have older lines of pages that hold checksums now.
        for pages in table.allPages { entries.clear(pages) }
        return entries.sum
    }

    /// Completes the file and gives it its name. `time`: of the last step, in seconds since 1970.
    /// `followed`: the heap whose archive the new heap is to follow; nil for a heap of its own.
    package func finish(time: UInt64, following followed: HeapIdentity? = nil) throws(HeapError) {
        guard heapPages >= HeapLayout.initialPages else { throw damage("it is empty") }
        try translating { () throws(SystemError) in
            let size = try builder.file.size()
            let wanted = SystemPage.roundUp(
                Int(heapPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            if size < wanted {
                try builder.file.grow(from: size, to: wanted, reservingBlocks: false)
            }
        }
        if followed != nil { try storeFollowedState() }
        try writeChecksums()
        var header = HeapHeader.made(identity: .random(), hashSeed: hashSeed)
        header.creationTime = creationTime
        header.checkpointTime = time
        header.checkpointPosition = place.position
        header.checkpointChain = place.chain
        header.commitNumber = place.commitNumber
        header.heapPages = heapPages
        header.pageMapParts = table.parts
        header.pageSum = entries.sum
        if let followed {
            header.isFollowing = true
            header.followed = followed
        }
        guard case .header(header) = header.encoded().withUnsafeBytes(HeapHeader.decode) else {
            throw damage("its header would not be valid")
        }
        try translating { () throws(SystemError) in
            // Two syncs: a header must not become durable before the pages that it names.
            try builder.file.sync()
            try builder.finish(header, replacing: replacing)
        }
    }

    private func storeFollowedState() throws(HeapError) {
        let page = try open(Int(HeapLayout.allocatorRootPage), isWhole: false)
        FollowedState(at: place, ownCommit: place.commitNumber).store(
            to: page.bytes.baseAddress! - Int(AllocatorRoot.offset))
        try flush()
    }

    private func writeChecksums() throws(HeapError) {
        let page = PageBuffer(pages: 1)
        var number: Int?
        func write() throws(SystemError) {
            guard let written = number else { return }
            PageChecksums.seal(page.bytes, pageNumber: written, difference: 0)
            try builder.file.write(
                UnsafeRawBufferPointer(page.bytes), at: written * HeapLayout.pageBytes)
        }
        try translating { () throws(SystemError) in
            for pages in table.allPages {
                try builder.file.zero(
                    at: pages.lowerBound * HeapLayout.pageBytes,
                    byteCount: pages.count * HeapLayout.pageBytes, keepsBlocks: false)
            }
        }
        for described in entries.pages.joined() {
            guard let (checksumPage, index) = table.place(of: described) else {
                throw damage("its page map does not reach its end")
            }
            if checksumPage != number {
                try translating { () throws(SystemError) in try write() }
                number = checksumPage
                page.bytes.initializeMemory(as: UInt8.self, repeating: 0)
            }
            PageChecksums.setEntry(index, to: entries[described], in: page.bytes)
        }
        try translating { () throws(SystemError) in try write() }
    }

    private func damage(_ what: String) -> HeapError {
        HeapError.damaged(path: builder.path, what: what)
    }

    private func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        try builder.translating(body)
    }

    /// Removes an unfinished file.
    deinit { builder.end() }
}
