import HoldfastFormat
import HoldfastSystem

/// Reading and writing a heap's files in terms of the format.
extension DiskFile {
    /// The readings of both copies of a heap file's header.
    func headerReadings() throws(SystemError) -> [HeapHeader.Reading] {
        var readings: [HeapHeader.Reading] = []
        for copy in 0 ..< Int(HeapLayout.headerPages) {
            var bytes = [UInt8](repeating: 0, count: HeapHeader.byteCount)
            let count = try read(&bytes, at: copy * HeapLayout.pageBytes)
            readings.append(bytes[..<count].withUnsafeBytes { HeapHeader.decode($0) })
        }
        return readings
    }

    /// Writes `bytes` to a log file's ring of `capacity` bytes, at the place of `position`: one
    /// write, or two where the ring wraps.
    func writeRing(_ bytes: [UInt8], at position: UInt64, capacity: Int) throws(SystemError) {
        let start = Int(position % UInt64(capacity))
        let first = min(bytes.count, capacity - start)
        guard first < bytes.count else {
            return try write(bytes, at: LogLayout.ringOffset + start)
        }
        try write(Array(bytes[..<first]), at: LogLayout.ringOffset + start)
        try write(Array(bytes[first...]), at: LogLayout.ringOffset)
    }
}

extension HeapHeader {
    /// The header of a new heap.
    static func made(identity: HeapIdentity, hashSeed: HeapIdentity) -> HeapHeader {
        var header = HeapHeader(identity: identity, hashSeed: hashSeed)
        header.creationTime = CalendarClock.seconds
        header.checkpointTime = header.creationTime
        return header
    }
}
