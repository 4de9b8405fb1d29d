/// Recovery: the log's commits laid over the image, and, where the heap may be written, over the base file.
extension HeapEngine {
    /// Runs while nobody else uses the log. Returns the header as of the last commit; with it, at rest, on the disk, unless this opening only reads.
    func recover(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> HeapHeader {
        let logPath = location + LogLayout.durableSuffix
        var scanner = try openScanner(logPath, header)
        defer { for source in scanner.sources { source.file.close() } }
        var rescued: [(position: UInt64, bytes: [UInt8])] = []
        var changed: [Int] = []
        var ends = (lowest: header.heapPages, highest: header.heapPages)
        var heapPages = header.heapPages
        var former: Set<Range<Int>> = []
        try image.preparePrivateCopies(path: path)
        while let (record, bytes, source) = try translating({ () throws(DiskError) in try scanner.next() }) {
            try image.extend(
                to: Int(record.heapPages) * HeapLayout.pageBytes, path: path, file: file, mayMove: true)
            bytes.withUnsafeBytes { raw in
                _ = LogRecord.forEachRun(in: raw, record: record) { firstLine, lines in
                    image.apply(firstLine: firstLine, lines: lines) { changed.append($0) }
                }
            }
            heapPages = record.heapPages
            PageChecksums.collectPages(ofRootBytes: rootBytes, from: 0, into: &former)
            let lowest = bytes.withUnsafeBytes { record.lowestHeapPages($0) }
            ends = (min(ends.lowest, lowest), max(ends.highest, record.heapPages))
            // A reader changes nothing on the disk; a writer first completes the durable log.
            if source != 0, mode == .readWrite { rescued.append((record.position, bytes)) }
        }
        let isDamaged = try translating { () throws(DiskError) in
            if scanner.position < scanner.requiredPosition { return true }
            return try scanner.findsDurableRecordBeyondEnd()
        }
        if isDamaged, options.salvages {
            warnings.append(
                "\(path): its log is damaged after commit \(scanner.commitNumber), and what was committed later is lost.")
        } else if isDamaged {
            throw HeapError.damagedLog(path: path, logPath: logPath, lastWholeCommit: scanner.commitNumber)
        }
        var recovered = header
        recovered.checkpointPosition = scanner.position
        recovered.checkpointChain = scanner.chain
        recovered.commitNumber = scanner.commitNumber
        // With a copy of the header lost it may only look so; then pages must match their checksums as ever. Both at once is an error, not a guess.
        let isHeaderWhole = try translating { () throws(DiskError) in try hasBothHeaders(file) }
        let isCutShort = scanner.requiredPosition > header.checkpointPosition && isHeaderWhole
        recovered.heapPages = heapPages
        // Before anything is made of what the root says, or written.
        try checkAllocatorRoot(pages: options.salvages ? nil : heapPages)
        guard mode == .readWrite else {
            uncertain = isCutShort ? (end: Int(ends.lowest), pages: former) : nil
            return recovered
        }
        try requireNoFault()
        if !isCutShort {
            let damaged = try translating { () throws(DiskError) in
                var verifier = BaseVerifier(file: file, header: header)
                return try verifier.damaged(among: changed.sorted())
            }
            guard damaged.isEmpty else { throw HeapError.damagedPages(path: path, pages: damaged) }
        }
        try awaitVisitors(file)
        do throws(DiskError) {
            try completeLog(rescued, scanner: scanner)
            // The image may hold any number of pages beyond the end that an earlier commit had needed.
            let inUse = changed.filter { $0 < Int(recovered.heapPages) }.sorted()
            return try writeRecovered(inUse, ends: ends, former: former, from: header, to: recovered, file)
        } catch {
            throw heapError(error)
        }
    }

    /// Where one copy of the header is not whole and the other says that the file is at rest: the header of a log that goes on from there, if there is
    /// one. Then it was the damaged copy that named it, since nothing is committed before a header does so durably; and what was committed must not be lost.
    func headerOfForgottenLog(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> HeapHeader? {
        let logPath = location + LogLayout.durableSuffix
        return try translating { () throws(DiskError) in
            guard disk.exists(logPath), try !hasBothHeaders(file) else { return nil }
            let log = try disk.open(logPath, .readOnly)
            defer { log.close() }
            guard case .header(let logHeader) = try LogHeader.read(from: log, at: LogLayout.headerOffsets),
                logHeader.identity == header.identity, Self.isCapacity(logHeader.capacity)
            else { return nil }
            var named = header
            named.logInUse = true
            named.logEpoch = logHeader.epoch
            var sources = [LogScanner.Source(file: log, capacity: logHeader.capacity, fileBytes: UInt64(try log.size()))]
            let shared = try openSharedSource(named, .readOnly)
            defer { shared?.file.close() }
            if let shared { sources.append(shared) }
            var scanner = LogScanner(sources: sources, header: named, logHeader: logHeader)
            return try scanner.next() == nil ? nil : named
        }
    }

    func hasBothHeaders(_ file: any DiskFile) throws(DiskError) -> Bool {
        for copy in 0 ..< Int(HeapLayout.headerPages) {
            var bytes = [UInt8](repeating: 0, count: HeapHeader.byteCount)
            _ = try file.read(&bytes, at: copy * HeapLayout.pageBytes)
            guard case .header = bytes.withUnsafeBytes({ HeapHeader.decode($0) }) else { return false }
        }
        return true
    }

    private var rootBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
    }

    /// The durable log must be able to repeat all that is written to the base image from here on.
    private func completeLog(_ rescued: [(position: UInt64, bytes: [UInt8])], scanner: LogScanner) throws(DiskError) {
        let log = scanner.sources[0]
        for (position, bytes) in rescued {
            try log.file.writeRing(bytes, at: position, capacity: Int(log.capacity))
        }
        // Even where nothing was rescued: what was read may only be in the page cache.
        try log.file.sync()
        var logHeader = scanner.logHeader
        logHeader.sequence += 1
        logHeader.requiredPosition = scanner.position
        try log.file.write(logHeader.encoded(), at: LogLayout.headerOffsets[Int(logHeader.sequence % 2)])
        try log.file.sync()
    }

    /// The base image, then the header, then the log is no longer needed. Each step's sync comes before the next step's first write.
    private func writeRecovered(
        _ changed: [Int], ends: (lowest: UInt64, highest: UInt64), former: Set<Range<Int>>, from old: HeapHeader,
        to recovered: HeapHeader,
        _ file: any DiskFile
    ) throws(DiskError) -> HeapHeader {
        var recovered = recovered
        try growFile(file, toHold: Int(recovered.heapPages) * HeapLayout.pageBytes)
        let table = PageChecksums(root: rootBytes)
        // Whatever was going on when the machine stopped may have torn pages of checksums, and is written again here.
        var writer = BaseWriter(
            file: file, old: PageChecksums(parts: old.pageMapParts), new: table, mends: true, keepsBlocks: options.reservesBlocks)
        try writer.prepare(
            oldEnd: Int(old.heapPages), lowestEnd: Int(min(ends.lowest, recovered.heapPages)),
            highestEnd: max(Int(ends.highest), fileBytes / HeapLayout.pageBytes), former: former)
        var index = 0
        while index < changed.count {
            let first = changed[index]
            let count = writer.stretch(from: index, of: changed.count, limit: Self.stepPages) { changed[$0] }
            guard count > 0 else {
                index += 1
                continue
            }
            try writer.write(
                firstPage: first,
                UnsafeRawBufferPointer(
                    start: image.base + first * HeapLayout.pageBytes, count: count * HeapLayout.pageBytes))
            index += count
        }
        try writer.finish()
        try file.sync()
        recovered.pageMapParts = table.parts
        recovered.checkpointTime = HeapHeader.now
        recovered.logInUse = false
        recovered.sequence += 1
        try writeHeader(recovered, to: file)
        try file.sync()
        try repeatHeader(recovered, to: file)
        try RedoLog.removeFiles(disk: disk, heapPath: location)
        return recovered
    }

    /// Opens the log's files: the durable one must be there and belong to this heap; the shared one helps if it does.
    private func openScanner(_ logPath: String, _ header: HeapHeader) throws(HeapError) -> LogScanner {
        // A reader opens the log read-only, so that it needs no right to write it.
        let access: FileAccess = mode == .readWrite ? .readWrite : .readOnly
        var newer: UInt32?
        do throws(DiskError) {
            guard disk.exists(logPath) else { throw DiskError(.open, logPath, code: -1) }
            let durable = try disk.open(logPath, access)
            let reading = try LogHeader.read(from: durable, at: LogLayout.headerOffsets)
            guard case .header(let logHeader) = reading, logHeader.identity == header.identity,
                logHeader.epoch == header.logEpoch, Self.isCapacity(logHeader.capacity)
            else {
                durable.close()
                if case .newerFormat(let version) = reading { newer = version }
                throw DiskError(.open, logPath, code: newer == nil ? -2 : -3)
            }
            var sources = [LogScanner.Source(file: durable, capacity: logHeader.capacity, fileBytes: try UInt64(durable.size()))]
            if let shared = try openSharedSource(header, access) { sources.append(shared) }
            return LogScanner(sources: sources, header: header, logHeader: logHeader)
        } catch {
            switch error.code {
            case -1: throw HeapError.logMissing(path: path, logPath: logPath)
            case -2: throw HeapError.foreignLog(path: path, logPath: logPath)
            case -3: throw HeapError.newerFormat(path: logPath, found: newer ?? 0, supported: LogLayout.version)
            default: throw heapError(error)
            }
        }
    }

    /// The shared file of whatever boot: its records prove themselves, and its words only say where they might be.
    private func openSharedSource(_ header: HeapHeader, _ access: FileAccess) throws(DiskError) -> LogScanner.Source? {
        let sharedPath = location + LogLayout.sharedSuffix
        guard disk.exists(sharedPath) else { return nil }
        let file = try disk.open(sharedPath, access)
        var bytes = [UInt8](repeating: 0, count: SharedFile.headerBytes)
        let count = try file.read(&bytes, at: 0)
        let words = bytes.withUnsafeBytes { raw in
            (
                header: SharedHeader.decode(raw),
                epoch: raw.load(fromByteOffset: SharedFile.Word.epoch.rawValue, as: UInt64.self),
                capacity: raw.load(fromByteOffset: SharedFile.Word.capacity.rawValue, as: UInt64.self)
            )
        }
        guard count == bytes.count, words.header?.identity == header.identity, words.epoch == header.logEpoch,
            Self.isCapacity(words.capacity)
        else {
            file.close()
            return nil
        }
        return LogScanner.Source(file: file, capacity: words.capacity, fileBytes: UInt64(try file.size()))
    }

    private static func isCapacity(_ bytes: UInt64) -> Bool {
        bytes > 0 && bytes <= HeapLayout.maximumBytes && bytes % UInt64(RedoLog.capacityGranule) == 0
    }
}
