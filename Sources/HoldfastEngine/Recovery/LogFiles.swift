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
        do throws(HeapError) {
            try requireKnown(reading)
            guard case .header(let logHeader) = reading, logHeader.identity == header.identity,
                logHeader.epoch == header.logEpoch
            else { throw HeapError.foreignLog(path: path, logPath: logPath) }
            var sources = [try source(durable, capacity: logHeader.capacity)]
            if let shared = try openShared(header, access) { sources.append(shared) }
            return LogScanner(sources: sources, header: header, logHeader: logHeader)
        } catch {
            durable.close()
            throw error
        }
    }

    private func source(_ file: any DiskFile, capacity: UInt64) throws(HeapError)
        -> LogScanner.Source
    {
        try dataFile.translating { () throws(SystemError) in
            LogScanner.Source(
                file: file, ring: try RingMapping(reading: file, capacity: Int(capacity)))
        }
    }

    /// A newer program's log is left as it is, with the commits in it.
    private func requireKnown(_ reading: LogHeader.Reading) throws(HeapError) {
        switch reading {
        case .newerFormat(let version):
            throw HeapError.newerFormat(
                path: logPath, found: version, supported: LogLayout.featureVersion)
        case .unknownFeatures(let features):
            throw HeapError.unknownFeatures(path: logPath, features: features, mayBeRead: false)
        case .header(let header):
            let unknown = header.features.unknown(forWriting: dataFile.mode == .readWrite)
            guard unknown == 0 else {
                throw HeapError.unknownFeatures(path: logPath, features: unknown, mayBeRead: true)
            }
        case .none: break
        }
    }

    /// For a header of which one copy is damaged and the other marks the file as at rest: the
    /// header of a log that continues from there, if there is one. The damaged copy must then have
    /// named that log, because nothing is committed before a durable header names the log. Those
    /// commits must not be lost.
    func headerOfForgottenLog(_ header: HeapHeader) throws(HeapError) -> HeapHeader? {
        guard dataFile.hasDamagedHeader, dataFile.disk.exists(logPath),
            let log = try? dataFile.disk.openBeside(logPath, .readOnly)
        else { return nil }
        defer { log.close() }
        let reading = try dataFile.translating { () throws(SystemError) in
            try LogHeader.read(from: log, at: LogLayout.headerOffsets)
        }
        try requireKnown(reading)
        guard case .header(let logHeader) = reading, logHeader.identity == header.identity
        else { return nil }
        var named = header
        named.logInUse = true
        named.logEpoch = logHeader.epoch
        var sources = [try source(log, capacity: logHeader.capacity)]
        let shared = try openShared(named, .readOnly)
        defer { shared?.file.close() }
        if let shared { sources.append(shared) }
        var scanner = LogScanner(sources: sources, header: named, logHeader: logHeader)
        let isUsed = scanner.next() != nil
        try dataFile.translating { () throws(SystemError) in try scanner.requireNoFault() }
        return isUsed ? named : nil
    }

    /// Opens the shared file, of any boot: its records are self-validating, and its words are only
    /// hints to their places.
    private func openShared(_ header: HeapHeader, _ access: FileAccess) throws(HeapError)
        -> LogScanner.Source?
    {
        let sharedPath = dataFile.location + LogLayout.sharedSuffix
        guard dataFile.disk.exists(sharedPath) else { return nil }
        let opened = try dataFile.translating { () throws(SystemError) -> (any DiskFile)? in
            do throws(SystemError) {
                return try dataFile.disk.openBeside(sharedPath, access)
            } catch {
                // Another heap's: irrelevant for this one.
                if error.isForeignFile { return nil }
                throw error
            }
        }
        guard let file = opened else { return nil }
        do throws(HeapError) {
            if let source = try self.source(shared: file, sharedPath, header) { return source }
        } catch {
            file.close()
            throw error
        }
        file.close()
        return nil
    }

    /// Nil if the shared file is not the heap's, or of another log of it.
    private func source(
        shared file: any DiskFile, _ path: String, _ header: HeapHeader
    ) throws(HeapError) -> LogScanner.Source? {
        var bytes = [UInt8](repeating: 0, count: SharedMemory.headerBytes)
        let count = try dataFile.translating { () throws(SystemError) in
            try file.read(&bytes, at: 0)
        }
        guard count == bytes.count else { return nil }
        let (reading, epoch, capacity) = bytes.withUnsafeBytes { raw in
            (
                SharedHeader.decode(raw),
                raw.load(fromByteOffset: SharedMemory.Word.epoch.rawValue, as: UInt64.self),
                raw.load(fromByteOffset: SharedMemory.Word.capacity.rawValue, as: UInt64.self)
            )
        }
        switch reading {
        case .unknown(let found) where found.identity == header.identity:
            // A newer program's ring may hold commits that are nowhere else.
            if found.features != 0 {
                throw HeapError.unknownFeatures(
                    path: path, features: found.features, mayBeRead: false)
            }
            throw HeapError.newerFormat(
                path: path, found: found.version, supported: LogLayout.sharedFeatureVersion)
        case .header(let found) where found.identity == header.identity:
            guard epoch == header.logEpoch, LogHeader.isCapacity(capacity) else { return nil }
            return try source(file, capacity: capacity)
        default: return nil
        }
    }
}
