import HoldfastFormat
import HoldfastSystem

/// The log's two files as opened by recovery: no process appends to them, and neither is trusted.
struct LogFiles {
    let dataFile: DataFile

    private var logPath: String { dataFile.location + LogLayout.durableSuffix }

    /// Opens the log's files. The durable file must exist and belong to this heap; the shared one
    /// is used if it does.
    func open(_ header: HeapHeader) throws(HeapError) -> LogScanner {
        let path = dataFile.path
        guard dataFile.disk.exists(logPath) else {
            throw HeapError.logMissing(path: path, logPath: logPath)
        }
        // A reader opens the log read-only, so that it needs no write permission.
        let access: FileAccess = dataFile.mode == .readWrite ? .readWrite : .readOnly
        let (durable, reading) = try dataFile.translating {
            () throws(SystemError) -> (any DiskFile, LogHeader.Reading) in
            let durable = try dataFile.disk.openBeside(logPath, access)
            return (durable, try LogHeader.read(from: durable, at: LogLayout.headerOffsets))
        }
        guard case .header(let logHeader) = reading, logHeader.identity == header.identity,
            logHeader.epoch == header.logEpoch
        else {
            durable.close()
            if case .newerFormat(let version) = reading {
                throw HeapError.newerFormat(
                    path: logPath, found: version, supported: LogLayout.version)
            }
            throw HeapError.foreignLog(path: path, logPath: logPath)
        }
        return try dataFile.translating { () throws(SystemError) in
            let ring = try RingMapping(reading: durable, capacity: Int(logHeader.capacity))
            var sources = [LogScanner.Source(file: durable, ring: ring)]
            if let shared = try openShared(header, access) { sources.append(shared) }
            return LogScanner(sources: sources, header: header, logHeader: logHeader)
        }
    }

    /// For a header of which one copy is damaged and the other marks the file as at rest: the
    /// header of a log that continues from there, if there is one. The damaged copy must then have
    /// named that log, because nothing is committed before a durable header names the log. Those
    /// commits must not be lost.
    func headerOfForgottenLog(_ header: HeapHeader) throws(HeapError) -> HeapHeader? {
        try dataFile.translating { () throws(SystemError) in
            guard dataFile.hasDamagedHeader, dataFile.disk.exists(logPath),
                let log = try? dataFile.disk.openBeside(logPath, .readOnly)
            else { return nil }
            defer { log.close() }
            guard
                case .header(let logHeader) = try LogHeader.read(
                    from: log, at: LogLayout.headerOffsets),
                logHeader.identity == header.identity
            else { return nil }
            var named = header
            named.logInUse = true
            named.logEpoch = logHeader.epoch
            var sources = [
                LogScanner.Source(
                    file: log,
                    ring: try RingMapping(reading: log, capacity: Int(logHeader.capacity)))
            ]
            let shared = try openShared(named, .readOnly)
            defer { shared?.file.close() }
            if let shared { sources.append(shared) }
            var scanner = LogScanner(sources: sources, header: named, logHeader: logHeader)
            let isUsed = scanner.next() != nil
            try scanner.requireNoFault()
            return isUsed ? named : nil
        }
    }

    /// Opens the shared file, of any boot: its records are self-validating, and its words are only
    /// hints to their places.
    private func openShared(_ header: HeapHeader, _ access: FileAccess) throws(SystemError)
        -> LogScanner.Source?
    {
        let sharedPath = dataFile.location + LogLayout.sharedSuffix
        guard dataFile.disk.exists(sharedPath) else { return nil }
        let file: any DiskFile
        do throws(SystemError) { file = try dataFile.disk.openBeside(sharedPath, access) } catch {
            // Another heap's: irrelevant for this one.
            if error.isForeignFile { return nil }
            throw error
        }
        var bytes = [UInt8](repeating: 0, count: SharedMemory.headerBytes)
        let count = try file.read(&bytes, at: 0)
        let words = bytes.withUnsafeBytes { raw in
            (
                header: SharedHeader.decode(raw),
                epoch: raw.load(fromByteOffset: SharedMemory.Word.epoch.rawValue, as: UInt64.self),
                capacity: raw.load(
                    fromByteOffset: SharedMemory.Word.capacity.rawValue, as: UInt64.self)
            )
        }
        guard count == bytes.count, words.header?.identity == header.identity,
            words.epoch == header.logEpoch, LogHeader.isCapacity(words.capacity)
        else {
            file.close()
            return nil
        }
        return LogScanner.Source(
            file: file, ring: try RingMapping(reading: file, capacity: Int(words.capacity)))
    }
}
