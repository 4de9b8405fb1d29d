/// Recovery: the log's commits laid over the image, and, where the heap may be written, over the base file.
extension HeapEngine {
    func recover(_ file: any DiskFile) throws(HeapError) {
        let logPath = path + LogLayout.durableSuffix
        var scanner = try openScanner(logPath)
        defer { for source in scanner.sources { source.file.close() } }
        var rescued: [(position: UInt64, bytes: [UInt8])] = []
        while let (record, bytes, source) = try translating({ () throws(DiskError) in try scanner.next() }) {
            try image.extend(to: Int(record.heapPages) * HeapLayout.pageBytes, path: path)
            bytes.withUnsafeBytes { raw in
                _ = LogRecord.forEachRun(in: raw, record: record) { firstLine, lines in
                    image.apply(firstLine: firstLine, lines: lines)
                }
            }
            // A reader changes nothing on the disk; a writer first completes the durable log.
            if source != 0, mode == .readWrite { rescued.append((record.position, bytes)) }
        }
        let isDamaged = try translating { () throws(DiskError) in
            if scanner.position < scanner.requiredPosition { return true }
            return try scanner.findsDurableRecordBeyondEnd()
        }
        guard !isDamaged else {
            throw HeapError.damagedLog(path: path, logPath: logPath, lastWholeCommit: scanner.commitNumber)
        }
        header.checkpointPosition = scanner.position
        header.checkpointChain = scanner.chain
        header.commitNumber = scanner.commitNumber
        guard mode == .readWrite else { return }
        try translating { () throws(DiskError) in try writeRecovered(rescued, scanner: scanner, to: file) }
    }

    /// The durable log first (it must be able to repeat all this), then the base image, then the header, then the log is no
    /// longer needed. Each step's sync comes before the next step's first write.
    private func writeRecovered(
        _ rescued: [(position: UInt64, bytes: [UInt8])], scanner: LogScanner, to file: any DiskFile
    ) throws(DiskError) {
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
        let needed = Int(pagesInImage) * HeapLayout.pageBytes
        try growFile(file, toHold: needed)
        try writeChangedPages(file, endPage: pagesInImage)
        try file.sync()
        header.logInUse = false
        try writeHeader(file)
        try file.sync()
        try repeatHeader(file)
        image.clearChanged()
        try RedoLog.removeFiles(disk: disk, heapPath: path)
    }

    /// Opens the log's files: the durable one must be there and belong to this heap; the shared one helps if it does.
    private func openScanner(_ logPath: String) throws(HeapError) -> LogScanner {
        // A reader opens the log read-only, so that it needs no right to write it.
        let access: FileAccess = mode == .readWrite ? .readWrite : .readOnly
        do throws(DiskError) {
            guard disk.exists(logPath) else { throw DiskError(.open, logPath, code: -1) }
            let durable = try disk.open(logPath, access)
            guard case .header(let logHeader) = try LogHeader.read(from: durable, at: LogLayout.headerOffsets),
                belongs(logHeader)
            else {
                durable.close()
                throw DiskError(.open, logPath, code: -2)
            }
            var sources = [LogScanner.Source(file: durable, capacity: logHeader.capacity, fileBytes: try UInt64(durable.size()))]
            let sharedPath = path + LogLayout.sharedSuffix
            if disk.exists(sharedPath) {
                let shared = try disk.open(sharedPath, access)
                if case .header(let found) = try LogHeader.read(from: shared, at: [LogLayout.sharedHeaderOffset]),
                    belongs(found)
                {
                    sources.append(
                        LogScanner.Source(file: shared, capacity: found.capacity, fileBytes: try UInt64(shared.size())))
                } else {
                    shared.close()
                }
            }
            return LogScanner(sources: sources, header: header, logHeader: logHeader)
        } catch {
            switch error.code {
            case -1: throw HeapError.logMissing(path: path, logPath: logPath)
            case -2: throw HeapError.foreignLog(path: path, logPath: logPath)
            default: throw HeapError(error)
            }
        }
    }

    private func belongs(_ log: LogHeader) -> Bool {
        log.identity == header.identity && log.epoch == header.logEpoch && log.capacity > 0
            && log.capacity % UInt64(RedoLog.capacityGranule) == 0
    }
}
