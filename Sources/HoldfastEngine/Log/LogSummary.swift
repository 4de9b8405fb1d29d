/// A summary record: the pages that have changed since the last checkpoint, as they are now. See `LogRecord`.
struct LogSummary {
    let bytes: [UInt8]

    /// Nil if it would be longer than `longest` bytes. `record` has everything but runs, bytes and checksum.
    init?(of image: HeapImage, endPage: UInt64, longest: Int, record: LogRecord, epoch: UInt64) {
        guard image.changedPages.count * HeapLayout.pageBytes < longest else { return nil }
        let longestRun = LogRecord.maximumRunLines / HeapLayout.linesPerPage
        var runs: UInt32 = 0
        var byteCount = LogRecord.headerBytes
        image.forEachChangedRun(endPage: Int(endPage), limit: longestRun) { _, count in
            runs += 1
            byteCount += 8 + count * HeapLayout.pageBytes
        }
        guard byteCount <= longest else { return nil }
        bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            let raw = UnsafeMutableRawBufferPointer(buffer).baseAddress!
            var at = raw + LogRecord.headerBytes
            image.forEachChangedRun(endPage: Int(endPage), limit: longestRun) { first, count in
                let word = UInt64(first * HeapLayout.linesPerPage) << 16 | UInt64(count * HeapLayout.linesPerPage)
                at.storeBytes(of: word, as: UInt64.self)
                let pages = count * HeapLayout.pageBytes
                (at + 8).copyMemory(from: image.base + first * HeapLayout.pageBytes, byteCount: pages)
                at += 8 + pages
            }
            var complete = record
            complete.runs = runs
            complete.byteCount = UInt64(byteCount)
            _ = complete.seal(raw, epoch: epoch)
            initialized = byteCount
        }
    }
}
