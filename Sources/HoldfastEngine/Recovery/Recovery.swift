import HoldfastFormat
import HoldfastSystem

/// Recovery: applies the log's commits to the image, and, if the heap may be written, to the data
/// file.
///
/// Depends only on the heap's files. Leaves the image in the state of the last commit, and returns
/// the header that describes it.
struct Recovery {
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation

    private var logFiles: LogFiles { LogFiles(dataFile: dataFile) }

    /// Runs while no other process uses the log. Returns the header as of the last commit; unless
    /// this opening is read-only, the file is then at rest with that header. O(bytes of the log);
    /// memory: an index of the changed lines and at most a summary of them, or, for a read-only
    /// opening, private copies of the changed pages.
    func recover(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> HeapHeader {
        var scanner = try logFiles.open(header)
        defer { for source in scanner.sources { source.file.close() } }
        // Checked before a writer removes it.
        let isSharedFileMissing = !dataFile.disk.exists(dataFile.neighbours.path(.shared))
        let recovered =
            dataFile.mode == .readWrite
            ? try replayIntoFile(&scanner, file, header)
            : try replayIntoImage(&scanner, file, header)
        if isSharedFileMissing { warnOfMissingSharedFile() }
        return recovered
    }

    /// Applies the log to this opening's private pages, and leaves all files unchanged.
    private func replayIntoImage(
        _ scanner: inout LogScanner, _ file: any DiskFile, _ header: HeapHeader
    ) throws(HeapError) -> HeapHeader {
        var lowestEnd = header.heapPages
        var heapPages = header.heapPages
        var former: Set<Range<Int>> = []
        let partLines = PageChecksums.partLines
        // True at first, for the parts in the data file.
        var arePartsNew = true
        try view.image.preparePrivateCopies(path: dataFile.path)
        while let (record, bytes, _) = scanner.next() {
            try view.image.extend(
                to: Int(record.heapPages) * HeapLayout.pageBytes, path: dataFile.path, file: file,
                mayMove: true)
            _ = LogRecord.forEachRun(in: bytes, record: record) { firstLine, lines in
                view.image.apply(firstLine: firstLine, lines: lines)
                let end = firstLine + UInt64(lines.count / HeapLayout.lineBytes)
                if firstLine < partLines.upperBound, end > partLines.lowerBound {
                    arePartsNew = true
                }
            }
            heapPages = record.heapPages
            if arePartsNew {
                PageChecksums.collectPages(ofRootBytes: view.rootBytes, from: 0, into: &former)
                arePartsNew = false
            }
            lowestEnd = min(lowestEnd, record.lowestHeapPages(bytes))
        }
        try requireWholeLog(scanner)
        let isCutShort = isCheckpointCutShort(scanner, header)
        try view.requireAllocatorRoot(pages: dataFile.options.salvages ? nil : heapPages)
        view.tornPages = isCutShort ? (end: Int(lowestEnd), pages: former) : nil
        return recoveredHeader(header, scanner, heapPages: heapPages)
    }

    /// Completes the durable log, then writes its contents to the data file, like a checkpoint.
    private func replayIntoFile(
        _ scanner: inout LogScanner, _ file: any DiskFile, _ header: HeapHeader
    ) throws(HeapError) -> HeapHeader {
        var lines = LineIndex(behind: header)
        var completion = LogCompletion()
        var queue = ArchiveQueueWriter(of: dataFile, after: header)
        let root = PageBuffer(pages: 1)
        try dataFile.translating { () throws(SystemError) in
            try file.readOrZeros(into: root.bytes, at: Int(AllocatorRoot.offset))
        }
        while let (record, bytes, source) = scanner.next() {
            // Its runs were validated when it was read.
            _ = lines.append(record, bytes)
            completion.add(record, from: source)
            queue?.append(bytes)
            Self.follow(record, bytes, to: root)
        }
        // All checks come before the first write, which records that a checkpoint has begun.
        try requireWholeLog(scanner)
        let log = scanner.sources[0]
        guard scanner.position - scanner.start <= UInt64(log.ring.capacity) else {
            throw damagedLog(scanner)
        }
        try requireSoundRoot(UnsafeRawBufferPointer(root.bytes), pages: lines.heapPages)
        lines.finish()
        if !isCheckpointCutShort(scanner, header) {
            try requireSound(lines, header, file)
        }
        try dataFile.awaitTransientReaders(file)
        var header = header
        try dataFile.translating { () throws(SystemError) in
            try dataFile.replaceDamagedCopy(of: &header, file)
        }
        var recovered = recoveredHeader(header, scanner, heapPages: lines.heapPages)
        try dataFile.translating { () throws(SystemError) in
            try completion.write(scanner, &lines)
            recovered = try writeRecovered(
                lines, from: header, to: recovered, scanner, file, &queue)
        }
        try view.image.mapFile(file, byteCount: dataFile.byteCount)
        return recovered
    }

    /// Updates a copy of the allocator's root page with each record.
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

    private func recoveredHeader(_ header: HeapHeader, _ scanner: LogScanner, heapPages: UInt64)
        -> HeapHeader
    {
        var recovered = header
        recovered.checkpointPosition = scanner.position
        recovered.checkpointChain = scanner.chain
        recovered.commitNumber = scanner.commitNumber
        recovered.heapPages = heapPages
        return recovered
    }

    /// Whether a checkpoint had begun to write the log to the data file. If a copy of the header is
    /// lost, it may merely look so; pages must then match their checksums as usual. Both at once is
    /// an error, not a guess.
    private func isCheckpointCutShort(_ scanner: LogScanner, _ header: HeapHeader) -> Bool {
        scanner.requiredPosition > header.checkpointPosition && !dataFile.hasDamagedHeader
    }

    /// Call after the last record. Throws if durable commits follow the end of the chain; when
    /// salvaging, warns instead.
    private func requireWholeLog(_ scanner: LogScanner) throws(HeapError) {
        let isDamaged = try dataFile.translating { () throws(SystemError) in
            try scanner.requireNoFault()
            if try scanner.isDurableFileCutShort() || scanner.position < scanner.requiredPosition {
                return true
            }
            let isDamaged = try scanner.findsDurableRecordBeyondEnd()
            try scanner.requireNoFault()
            return isDamaged
        }
        guard isDamaged else { return }
        guard dataFile.options.salvages else { throw damagedLog(scanner) }
        dataFile.warnings.append(
            "\(dataFile.path): its log is damaged after commit \(scanner.commitNumber), and later "
                + "commits are lost."
        )
    }

    private func damagedLog(_ scanner: LogScanner) -> HeapError {
        HeapError.damagedLog(
            path: dataFile.path, logPath: dataFile.location + LogLayout.durableSuffix,
            lastWholeCommit: scanner.commitNumber)
    }

    /// No damaged page may get a new checksum. Damage fails this opening permanently.
    private func requireSound(_ lines: LineIndex, _ header: HeapHeader, _ file: any DiskFile)
        throws(HeapError)
    {
        let damaged = try dataFile.translating { () throws(SystemError) in
            try lines.damagedPages(of: file, header)
        }
        guard damaged.isEmpty else {
            throw participation.fail(HeapError.damagedPages(path: dataFile.path, pages: damaged))
        }
    }

    /// Checks the allocator's root page before its contents are used.
    private func requireSoundRoot(_ root: UnsafeRawBufferPointer, pages: UInt64) throws(HeapError) {
        let end = Int(AllocatorRoot.endField - AllocatorRoot.offset)
        let found = root.load(fromByteOffset: end, as: UInt64.self)
        guard root.load(as: UInt64.self) == AllocatorRoot.magic, found == pages else {
            throw .contradictingRoot(path: dataFile.path, root: found, known: pages)
        }
    }

    /// A heap that was not closed has both files beside it, however its use ended. The last
    /// unsynced commits are only in the shared one.
    private func warnOfMissingSharedFile() {
        dataFile.warnings.append(
            "\(dataFile.path) was not closed, and \(dataFile.neighbours.path(.shared)) is missing "
                + "next to it: commits that had not been synced were in that file, and are lost "
                + "unless it can be restored.")
    }

    /// Writes the data file, then the header, then marks the log as no longer needed. Each step is
    /// synced before the next step's first write.
    private func writeRecovered(
        _ lines: LineIndex, from old: HeapHeader, to recovered: HeapHeader, _ scanner: LogScanner,
        _ file: any DiskFile, _ queue: inout ArchiveQueueWriter?
    ) throws(SystemError) -> HeapHeader {
        var recovered = recovered
        try dataFile.grow(file, toHold: Int(recovered.heapPages) * HeapLayout.pageBytes)
        // A checkpoint interrupted by a stop of the machine may have torn checksum pages. All of
        // its pages are written again here.
        let writer = CheckpointWriter(
            file: file, keepsBlocks: dataFile.options.reservesBlocks, isRepair: true)
        let written = try writer.write(lines, from: old)
        try scanner.requireNoFault()
        try file.sync()
        recovered.pageMapParts = written.table.parts
        recovered.pageSum = written.sum
        recovered.checkpointTime = CalendarClock.seconds
        queue?.seal(recovered, epoch: scanner.epoch, zeroed: written.zeroed)
        try dataFile.endUseOfLog(&recovered, file)
        try dataFile.repeatHeader(recovered, to: file)
        try dataFile.neighbours.remove()
        return recovered
    }
}
