import HoldfastFormat
import HoldfastSystem

/// Recovery: the log's commits laid over the image, and, where the heap may be written, over the
/// base file.
extension HeapEngine {
    /// Runs while nobody else uses the log. Returns the header as of the last commit; with it, at
    /// rest, on the disk, unless this opening only reads. O(bytes of the log); memory: 24 bytes for
    /// each run of changed lines, or, for an opening that only reads, private copies of the changed
    /// pages.
    func recover(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> HeapHeader {
        var scanner = try openScanner(location + LogLayout.durableSuffix, header)
        defer { for source in scanner.sources { source.file.close() } }
        // Before a writer removes it.
        let isSharedFileMissing = !disk.exists(neighbours.path(.shared))
        let recovered =
            mode == .readWrite
            ? try replayIntoFile(&scanner, file, header)
            : try replayIntoImage(&scanner, file, header)
        if isSharedFileMissing { warnOfMissingSharedFile() }
        return recovered
    }

    /// Lays the log over this opening's private pages, and leaves all files as they are.
    private func replayIntoImage(
        _ scanner: inout LogScanner, _ file: any DiskFile, _ header: HeapHeader
    ) throws(HeapError) -> HeapHeader {
        var lowestEnd = header.heapPages
        var heapPages = header.heapPages
        var former: Set<Range<Int>> = []
        try image.preparePrivateCopies(path: path)
        while let (record, bytes, _) = scanner.next() {
            try image.extend(
                to: Int(record.heapPages) * HeapLayout.pageBytes, path: path, file: file,
                mayMove: true)
            _ = LogRecord.forEachRun(in: bytes, record: record) {
                image.apply(firstLine: $0, lines: $1)
            }
            heapPages = record.heapPages
            PageChecksums.collectPages(ofRootBytes: rootBytes, from: 0, into: &former)
            lowestEnd = min(lowestEnd, record.lowestHeapPages(bytes))
        }
        try requireWholeLog(scanner)
        let isCutShort = try isCheckpointCutShort(scanner, file, header)
        try checkAllocatorRoot(pages: options.salvages ? nil : heapPages)
        uncertain = isCutShort ? (end: Int(lowestEnd), pages: former) : nil
        return recovered(header, scanner, heapPages: heapPages)
    }

    /// Completes the durable log, then writes what it holds to the data file, as a checkpoint does.
    private func replayIntoFile(
        _ scanner: inout LogScanner, _ file: any DiskFile, _ header: HeapHeader
    ) throws(HeapError) -> HeapHeader {
        var lines = LineIndex(behind: header)
        var completion = LogCompletion()
        let root = PageBuffer(pages: 1)
        try translating { () throws(SystemError) in
            try file.readOrZeros(into: root.bytes, at: Int(AllocatorRoot.offset))
        }
        while let (record, bytes, source) = scanner.next() {
            // Its runs were followed when it was read.
            _ = lines.append(record, bytes)
            completion.add(record, from: source)
            Self.follow(record, bytes, to: root)
        }
        // Everything is checked before the first write, which says that a checkpoint has begun.
        try requireWholeLog(scanner)
        let log = scanner.sources[0]
        guard scanner.position - scanner.start <= UInt64(log.ring.capacity) else {
            throw damagedLog(scanner)
        }
        try requireSoundRoot(UnsafeRawBufferPointer(root.bytes), pages: lines.heapPages)
        lines.finish()
        if !(try isCheckpointCutShort(scanner, file, header)) {
            try requireSound(lines, header, file)
        }
        try awaitVisitors(file)
        var recovered = recovered(header, scanner, heapPages: lines.heapPages)
        do throws(SystemError) {
            try completion.write(scanner)
            lines.ring = log.ring
            recovered = try writeRecovered(lines, from: header, to: recovered, scanner, file)
        } catch {
            throw heapError(error)
        }
        try image.mapFile(file, byteCount: fileBytes)
        return recovered
    }

    /// Keeps a copy of the allocator's root page as each record leaves it.
    private static func follow(
        _ record: LogRecord, _ bytes: UnsafeRawBufferPointer, to root: PageBuffer
    ) {
        let lines = UInt64(HeapLayout.linesPerPage)
        let first = HeapLayout.allocatorRootPage * lines
        _ = LogRecord.forEachRun(in: bytes, record: record) { firstLine, source in
            let count = UInt64(source.count / HeapLayout.lineBytes)
            let from = max(first, firstLine)
            let to = min(first + lines, firstLine + count)
            guard from < to else { return }
            (root.bytes.baseAddress! + Int(from - first) * HeapLayout.lineBytes).copyMemory(
                from: source.baseAddress! + Int(from - firstLine) * HeapLayout.lineBytes,
                byteCount: Int(to - from) * HeapLayout.lineBytes)
        }
    }

    private func recovered(_ header: HeapHeader, _ scanner: LogScanner, heapPages: UInt64)
        -> HeapHeader
    {
        var recovered = header
        recovered.checkpointPosition = scanner.position
        recovered.checkpointChain = scanner.chain
        recovered.commitNumber = scanner.commitNumber
        recovered.heapPages = heapPages
        return recovered
    }

    /// Whether a checkpoint had begun to write the log to the data file. With a copy of the header
    /// lost it may only look so; then pages must match their checksums as ever. Both at once is an
    /// error, not a guess.
    private func isCheckpointCutShort(
        _ scanner: LogScanner, _ file: any DiskFile, _ header: HeapHeader
    ) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            scanner.requiredPosition > header.checkpointPosition ? try hasBothHeaders(file) : false
        }
    }

    /// After the last record: throws if commits that were durable lie behind it, or warns, where
    /// what is left is to be salvaged.
    private func requireWholeLog(_ scanner: LogScanner) throws(HeapError) {
        let isDamaged = try translating { () throws(SystemError) in
            try scanner.requireNoFault()
            if try scanner.isDurableFileCutShort() || scanner.position < scanner.requiredPosition {
                return true
            }
            let isDamaged = try scanner.findsDurableRecordBeyondEnd()
            try scanner.requireNoFault()
            return isDamaged
        }
        guard isDamaged else { return }
        guard options.salvages else { throw damagedLog(scanner) }
        warnings.append(
            "\(path): its log is damaged after commit \(scanner.commitNumber), and what was "
                + "committed later is lost."
        )
    }

    private func damagedLog(_ scanner: LogScanner) -> HeapError {
        HeapError.damagedLog(
            path: path, logPath: location + LogLayout.durableSuffix,
            lastWholeCommit: scanner.commitNumber)
    }

    /// Before anything is made of what the allocator's root page says.
    private func requireSoundRoot(_ root: UnsafeRawBufferPointer, pages: UInt64) throws(HeapError) {
        let end = Int(AllocatorRoot.endField - AllocatorRoot.offset)
        let found = root.load(fromByteOffset: end, as: UInt64.self)
        guard root.load(as: UInt64.self) == AllocatorRoot.magic, found == pages else {
            throw HeapError.damaged(
                path: path,
                what:
                    "the allocator's root page speaks of \(found) pages, and the header or log of "
                    + "\(pages)"
            )
        }
    }

    /// A heap that was not closed has both files beside it, whatever has ended its use. What was
    /// committed last and not synced is only in the shared one.
    private func warnOfMissingSharedFile() {
        warnings.append(
            "\(path) was not closed, and \(neighbours.path(.shared)) is missing beside it: commits "
                + "that had not been synced were in "
                + "that file, and are lost if it cannot be brought back.")
    }

    /// Where one copy of the header is not whole and the other says that the file is at rest: the
    /// header of a log that goes on from there, if there is one. Then it was the damaged copy that
    /// named it, since nothing is committed before a header does so durably; and what was committed
    /// must not be lost.
    func headerOfForgottenLog(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError)
        -> HeapHeader?
    {
        let logPath = location + LogLayout.durableSuffix
        return try translating { () throws(SystemError) in
            guard disk.exists(logPath), try !hasBothHeaders(file),
                let log = try? disk.openBeside(logPath, .readOnly)
            else { return nil }
            defer { log.close() }
            guard
                case .header(let logHeader) = try LogHeader.read(
                    from: log, at: LogLayout.headerOffsets),
                logHeader.identity == header.identity, Self.isCapacity(logHeader.capacity)
            else { return nil }
            var named = header
            named.logInUse = true
            named.logEpoch = logHeader.epoch
            var sources = [
                LogScanner.Source(
                    file: log,
                    ring: try RingMapping(reading: log, capacity: Int(logHeader.capacity)))
            ]
            let shared = try openSharedSource(named, .readOnly)
            defer { shared?.file.close() }
            if let shared { sources.append(shared) }
            var scanner = LogScanner(sources: sources, header: named, logHeader: logHeader)
            let isUsed = scanner.next() != nil
            try scanner.requireNoFault()
            return isUsed ? named : nil
        }
    }

    func hasBothHeaders(_ file: any DiskFile) throws(SystemError) -> Bool {
        try file.headerReadings().allSatisfy { if case .header = $0 { true } else { false } }
    }

    private var rootBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: image.base + Int(AllocatorRoot.offset), count: HeapLayout.pageBytes)
    }

    /// The data file, then the header, then the log is no longer needed. Each step's sync comes
    /// before the next step's first write.
    private func writeRecovered(
        _ lines: LineIndex, from old: HeapHeader, to recovered: HeapHeader, _ scanner: LogScanner,
        _ file: any DiskFile
    ) throws(SystemError) -> HeapHeader {
        var recovered = recovered
        try growFile(file, toHold: Int(recovered.heapPages) * HeapLayout.pageBytes)
        // Whatever was going on when the machine stopped may have torn pages of checksums, and is
        // written again here.
        let table = try writePages(of: lines, from: old, mends: true, to: file)
        try scanner.requireNoFault()
        try file.sync()
        recovered.pageMapParts = table.parts
        recovered.checkpointTime = CalendarClock.seconds
        recovered.logInUse = false
        try writeNextHeader(&recovered, file)
        try repeatHeader(recovered, to: file)
        try neighbours.remove()
        return recovered
    }

    /// Opens the log's files: the durable one must be there and belong to this heap; the shared one
    /// helps if it does.
    private func openScanner(_ logPath: String, _ header: HeapHeader) throws(HeapError)
        -> LogScanner
    {
        // A reader opens the log read-only, so that it needs no right to write it.
        let access: FileAccess = mode == .readWrite ? .readWrite : .readOnly
        do throws(LogError) {
            guard disk.exists(logPath) else { throw .missing }
            let (durable, reading) = try LogError.passing { () throws(SystemError) in
                let durable = try disk.openBeside(logPath, access)
                return (
                    durable, try LogHeader.read(from: durable, at: LogLayout.headerOffsets)
                )
            }
            guard case .header(let logHeader) = reading, logHeader.identity == header.identity,
                logHeader.epoch == header.logEpoch, Self.isCapacity(logHeader.capacity)
            else {
                durable.close()
                if case .newerFormat(let version) = reading { throw .newerFormat(version) }
                throw .foreign
            }
            let sources = try LogError.passing { () throws(SystemError) in
                let ring = try RingMapping(reading: durable, capacity: Int(logHeader.capacity))
                let shared = try openSharedSource(header, access)
                return [LogScanner.Source(file: durable, ring: ring)] + (shared.map { [$0] } ?? [])
            }
            return LogScanner(sources: sources, header: header, logHeader: logHeader)
        } catch {
            switch error {
            case .missing: throw HeapError.logMissing(path: path, logPath: logPath)
            case .foreign: throw HeapError.foreignLog(path: path, logPath: logPath)
            case .newerFormat(let version):
                throw HeapError.newerFormat(
                    path: logPath, found: version, supported: LogLayout.version)
            case .system(let error): throw heapError(error)
            }
        }
    }

    /// The shared file of whatever boot: its records prove themselves, and its words only say where
    /// they might be.
    private func openSharedSource(_ header: HeapHeader, _ access: FileAccess) throws(SystemError)
        -> LogScanner.Source?
    {
        let sharedPath = location + LogLayout.sharedSuffix
        guard disk.exists(sharedPath) else { return nil }
        let file: any DiskFile
        do throws(SystemError) { file = try disk.openBeside(sharedPath, access) } catch {
            // Another's: it has nothing to say about this heap.
            if error.isForeignFile { return nil }
            throw error
        }
        var bytes = [UInt8](repeating: 0, count: SharedFile.headerBytes)
        let count = try file.read(&bytes, at: 0)
        let words = bytes.withUnsafeBytes { raw in
            (
                header: SharedHeader.decode(raw),
                epoch: raw.load(fromByteOffset: SharedFile.Word.epoch.rawValue, as: UInt64.self),
                capacity: raw.load(
                    fromByteOffset: SharedFile.Word.capacity.rawValue, as: UInt64.self)
            )
        }
        guard count == bytes.count, words.header?.identity == header.identity,
            words.epoch == header.logEpoch,
            Self.isCapacity(words.capacity)
        else {
            file.close()
            return nil
        }
        return LogScanner.Source(
            file: file, ring: try RingMapping(reading: file, capacity: Int(words.capacity)))
    }

    private static func isCapacity(_ bytes: UInt64) -> Bool {
        bytes > 0 && bytes <= HeapLayout.maximumBytes
            && bytes % UInt64(RedoLog.capacityGranule) == 0
    }
}
