import HoldfastFormat
import HoldfastSystem

/// Reading the header of a durable log from its file.
extension LogHeader {
    /// The newest valid copy in `file`, a log in use: with this epoch, and a capacity that fits the
    /// file. A log is extended before a header says so.
    static func readInUse(_ file: any DiskFile, epoch: UInt64) throws(SystemError) -> LogHeader {
        guard case .header(let header) = try read(from: file, at: LogLayout.headerOffsets),
            header.epoch == epoch,
            try file.size() - LogLayout.ringOffset >= Int(header.capacity)
        else { throw SystemError(.read, file.path, .ioError) }
        return header
    }

    /// The newest valid copy in `file`.
    static func read(from file: any DiskFile, at offsets: [Int]) throws(SystemError) -> Reading {
        var found = Reading.none
        for offset in offsets {
            var bytes = [UInt8](repeating: 0, count: byteCount)
            let count = try file.read(&bytes, at: offset)
            let reading = bytes[..<count].withUnsafeBytes { decode($0) }
            switch (reading, found) {
            case (.none, _): break
            case (.newerFormat, _): return reading
            case (.header(let new), .header(let old)) where new.sequence <= old.sequence: break
            default: found = reading
            }
        }
        return found
    }
}
