import HoldfastFormat

/// A summary record: the lines changed by many commits, in their final state. See `LogRecord`.
struct LogSummary {
    let bytes: [UInt8]

    /// Nil if it would be longer than `longest` bytes. It stands for the records from `start` to
    /// `end`, a part of those that `index` was built from up to its own end.
    init?(
        of index: LineIndex, from start: UInt64, to end: UInt64, longest: Int,
        durablePosition: UInt64, epoch: UInt64
    ) {
        guard end == index.end, let first = index.record(at: start) else { return nil }
        // The first pass only counts: the number of lines rules out most summaries that are too
        // long.
        var byteCount = LogRecord.summaryHeaderBytes
        var runs: UInt32 = 0
        index.forEachPage { page in
            guard byteCount <= longest else { return }
            let mask = index.mask(of: page, from: start)
            runs += UInt32(Self.runs(in: mask))
            byteCount += Self.runs(in: mask) * 8 + mask.nonzeroBitCount * HeapLayout.lineBytes
        }
        guard byteCount <= longest else { return nil }
        let record = LogRecord(
            runs: runs, position: start, byteCount: UInt64(byteCount), span: end - start,
            commitNumber: index.commitNumber,
            previousChecksum: first.previousChecksum, durablePosition: durablePosition,
            heapPages: index.heapPages)
        bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            let raw = UnsafeMutableRawBufferPointer(buffer).baseAddress!
            LogRecord.storeSummary(
                lastChecksum: index.chain, lowestHeapPages: index.lowestHeapPages, in: raw)
            var at = raw + record.runsOffset
            let scratch = UnsafeMutableRawPointer.allocate(
                byteCount: HeapLayout.pageBytes, alignment: 8)
            defer { scratch.deallocate() }
            index.forEachPage { page in
                index.lay(page, over: scratch)
                LineMask.forEachRun(in: index.mask(of: page, from: start)) { first, count in
                    let line = UInt64(page.number * HeapLayout.linesPerPage + first)
                    at.storeBytes(of: line << 16 | UInt64(count), as: UInt64.self)
                    (at + 8).copyMemory(
                        from: scratch + first * HeapLayout.lineBytes,
                        byteCount: count * HeapLayout.lineBytes)
                    at += 8 + count * HeapLayout.lineBytes
                }
            }
            _ = record.seal(raw, epoch: epoch)
            initialized = byteCount
        }
    }

    private static func runs(in mask: UInt64) -> Int { (mask & ~(mask << 1)).nonzeroBitCount }
}
