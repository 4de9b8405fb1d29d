/// Reading and writing in terms of the seam's calls.
extension DiskFile {
    /// Writes the whole of `bytes` at `offset`, or throws.
    func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
        var failure: DiskError?
        bytes.withUnsafeBytes { raw in
            do throws(DiskError) { try write(raw, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Fills `bytes` from `offset`; returns the bytes read, fewer than asked for only at the end of
    /// the file.
    func read(_ bytes: inout [UInt8], at offset: Int) throws(DiskError) -> Int {
        var failure: DiskError?
        var count = 0
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) { count = try read(into: raw, at: offset) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return count
    }

    /// Fills the whole of `buffer` from `offset`: what lies behind the file's end is zeros.
    func readOrZeros(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) {
        let count = try read(into: buffer, at: offset)
        if count < buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(
                as: UInt8.self, repeating: 0)
        }
    }

    /// What a heap file has at the places of the header's copies.
    func headerReadings() throws(DiskError) -> [HeapHeader.Reading] {
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
    func writeRing(_ bytes: [UInt8], at position: UInt64, capacity: Int) throws(DiskError) {
        let start = Int(position % UInt64(capacity))
        let first = min(bytes.count, capacity - start)
        try write(Array(bytes[..<first]), at: LogLayout.ringOffset + start)
        if first < bytes.count { try write(Array(bytes[first...]), at: LogLayout.ringOffset) }
    }
}
