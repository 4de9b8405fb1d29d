import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Opening and making heaps.
extension HeapEngine {
    func openInMemory() throws(HeapError) {
        let pages = AllocatorRoot.initialPages()
        try image.extend(to: pages.count, path: path)
        pages.withUnsafeBytes { image.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        didOpen()
    }

    func openFile() throws(HeapError) {
        let file = try openOrCreate()
        self.file = file
        try lockFile(file)
        header = try readHeader(file)
        try mapBase(file)
        if header.logInUse { try recover(file) }
        try checkAllocatorRoot()
        didOpen()
    }

    private func didOpen() {
        committedPages = pagesInImage
    }

    private var fileAccess: FileAccess { mode == .readWrite ? .readWrite : .readOnly }

    private func openOrCreate() throws(HeapError) -> any DiskFile {
        let file: any DiskFile
        do throws(DiskError) {
            file = try disk.open(path, fileAccess)
        } catch {
            guard error.code == ENOENT, mode == .readWrite, options.createsIfMissing else {
                throw openingError(error)
            }
            try create()
            do throws(DiskError) { file = try disk.open(path, fileAccess) } catch { throw openingError(error) }
        }
        do throws(DiskError) {
            try file.requireRegularFile()
        } catch {
            file.close()
            throw HeapError(error)
        }
        return file
    }

    private func openingError(_ error: DiskError) -> HeapError {
        switch error.code {
        case EACCES, EPERM: .permissionDenied(path: path, operation: mode == .readWrite ? "write" : "read")
        default: HeapError(error)
        }
    }

    private func lockFile(_ file: any DiskFile) throws(HeapError) {
        let isOurs = try translating { () throws(DiskError) in try file.tryLock(exclusive: mode == .readWrite) }
        guard isOurs else { throw HeapError.busy(path: path) }
    }

    /// Makes an empty heap under another name and moves it into place whole: a crash leaves no half-made heap, and of two
    /// processes that make the same one, the second opens what the first made.
    private func create() throws(HeapError) {
        header.creationTime = UInt64(max(0, time(nil)))
        header.checkpointTime = header.creationTime
        var pages = AllocatorRoot.initialPages()
        // Both copies are the same at first; the first checkpoint writes copy 0 (sequence 2).
        for copy in 0 ..< Int(HeapLayout.headerPages) {
            pages.replaceSubrange(
                copy * HeapLayout.pageBytes ..< copy * HeapLayout.pageBytes + HeapHeader.byteCount, with: header.encoded())
        }
        let temporary = "\(path)-new-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        do throws(DiskError) {
            let file: any DiskFile
            do throws(DiskError) {
                file = try disk.open(temporary, .createNew)
            } catch {
                throw DiskError(error.operation, path, code: error.code)
            }
            do throws(DiskError) {
                try file.grow(from: 0, to: HeapLayout.fileGranule, reservingBlocks: options.reservesBlocks)
                try file.write(pages, at: 0)
                try file.sync()
                file.close()
                do throws(DiskError) {
                    try disk.renameWithoutReplacing(temporary, to: path)
                } catch  where error.code == EEXIST {
                    try disk.remove(temporary)
                }
                try disk.syncDirectory(of: path)
            } catch {
                file.close()
                try? disk.remove(temporary)
                throw error
            }
        } catch {
            switch error.code {
            case EACCES, EPERM, EROFS: throw HeapError.readOnlyFolder(path: path)
            case ENOENT: throw HeapError.notFound(path: path)
            default: throw HeapError(DiskError(error.operation, path, code: error.code))
            }
        }
    }

    private func readHeader(_ file: any DiskFile) throws(HeapError) -> HeapHeader {
        var readings: [HeapHeader.Reading] = []
        do throws(DiskError) {
            fileBytes = try file.size()
            guard fileBytes > 0 else { throw DiskError(.read, path, code: 0) }
            for copy in 0 ..< Int(HeapLayout.headerPages) {
                var bytes = [UInt8](repeating: 0, count: HeapHeader.byteCount)
                let count = try file.read(&bytes, at: copy * HeapLayout.pageBytes)
                readings.append(bytes[..<count].withUnsafeBytes { HeapHeader.decode($0) })
            }
        } catch {
            if error.code == 0 { throw HeapError.emptyFile(path: path) }
            throw HeapError(error)
        }
        switch HeapHeader.current(readings) {
        case .header(let header):
            let expected = SystemPage.roundUp(Int(header.heapPages) * HeapLayout.pageBytes, to: HeapLayout.fileGranule)
            guard fileBytes >= expected else {
                throw HeapError.truncated(
                    path: path, expectedBytes: UInt64(expected), actualBytes: UInt64(fileBytes))
            }
            return header
        case .newerFormat(let version):
            throw HeapError.newerFormat(path: path, found: version, supported: HeapLayout.formatVersion)
        case .foreignByteOrder: throw HeapError.foreignByteOrder(path: path)
        case .damaged: throw HeapError.damagedHeader(path: path)
        case .notAHeader: throw HeapError.notAHeap(path: path)
        }
    }

    private func mapBase(_ file: any DiskFile) throws(HeapError) {
        // A file may have a rest behind the last granule (another program's doing); it holds nothing and is not mapped.
        fileBytes -= fileBytes % HeapLayout.fileGranule
        guard fileBytes <= image.capacity else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(image.capacity))
        }
        try image.mapFile(file, byteCount: fileBytes)
    }

    private func checkAllocatorRoot() throws(HeapError) {
        let magic = (image.base + Int(AllocatorRoot.offset)).load(as: UInt64.self)
        guard magic == AllocatorRoot.magic, pagesInImage >= HeapLayout.initialPages,
            pagesInImage <= UInt64(image.byteCount / HeapLayout.pageBytes)
        else { throw HeapError.damaged(path: path, what: "the allocator's root page is not one") }
    }

    /// Runs calls to the disk and turns what they throw into the user's error.
    func translating<R>(_ body: () throws(DiskError) -> R) throws(HeapError) -> R {
        do { return try body() } catch { throw HeapError(error) }
    }
}
