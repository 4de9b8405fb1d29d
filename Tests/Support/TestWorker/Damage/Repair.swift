import HoldfastEngine
import HoldfastFormat
import TestSupport

/// Recomputes every checksum after damage, so that the damage reaches the code behind the checks.
enum Repair {
    static func repair(_ files: inout [String: [UInt8]]) {
        guard var heap = files[Base.path], heap.count >= 5 * 4096 else { return }
        var newest: HeapHeader?
        heap.withUnsafeMutableBytes { raw in
            for copy in 0 ..< 2 {
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: raw[copy * 4096 ..< copy * 4096 + HeapHeader.byteCount])
                let sum = Checksum.of(
                    UnsafeRawBufferPointer(rebasing: bytes[..<HeapHeader.checksumOffset]),
                    seed: Checksum.headerSeed)
                bytes.storeBytes(of: sum, toByteOffset: HeapHeader.checksumOffset, as: UInt64.self)
                if case .header(let header) = HeapHeader.decode(UnsafeRawBufferPointer(bytes)),
                    header.sequence > newest?.sequence ?? 0
                {
                    newest = header
                }
            }
            if let newest { repairPages(raw, newest) }
        }
        files[Base.path] = heap
        guard let newest else { return }
        for suffix in ["-log", "-shared"] {
            guard var log = files[Base.path + suffix], log.count > LogLayout.ringOffset else {
                continue
            }
            log.withUnsafeMutableBytes { repairLog($0, newest, isDurable: suffix == "-log") }
            files[Base.path + suffix] = log
        }
    }

    private static func repairPages(_ raw: UnsafeMutableRawBufferPointer, _ header: HeapHeader) {
        let pages = raw.count / 4096
        let table = PageChecksums(parts: header.pageMapParts)
        func page(_ number: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: raw[number * 4096 ..< (number + 1) * 4096])
        }
        let reserved = table.allPages
        for number in 2 ..< min(pages, Int(header.heapPages))
        where !reserved.contains(where: { $0.contains(number) }) {
            guard let (checksumPage, index) = table.place(of: number), checksumPage < pages else {
                continue
            }
            let bytes = UnsafeRawBufferPointer(page(number))
            let entry = PageChecksums.entry(index, in: UnsafeRawBufferPointer(page(checksumPage)))
            let isUnwritten = entry == 0 && bytes.isFilled(with: 0)
            if !isUnwritten {
                PageChecksums.setEntry(
                    index, to: PageChecksums.checksum(ofPage: number, bytes), in: page(checksumPage)
                )
            }
        }
        for range in reserved {
            for number in range.clamped(to: 0 ..< pages) {
                PageChecksums.seal(page(number), pageNumber: number, difference: 0)
            }
        }
    }

    private static func repairLog(
        _ raw: UnsafeMutableRawBufferPointer, _ header: HeapHeader, isDurable: Bool
    ) {
        if isDurable {
            for offset in LogLayout.headerOffsets {
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: raw[offset ..< offset + LogHeader.byteCount])
                let sum = Checksum.of(
                    UnsafeRawBufferPointer(rebasing: bytes[..<LogHeader.checksumOffset]),
                    seed: Checksum.headerSeed)
                if bytes.contains(where: { $0 != 0 }) {
                    bytes.storeBytes(
                        of: sum, toByteOffset: LogHeader.checksumOffset, as: UInt64.self)
                }
            }
        }
        // The records from the checkpoint on, as long as they still look like records and do not
        // wrap.
        let capacity = UInt64(raw.count - LogLayout.ringOffset) / 65536 * 65536
        guard capacity > 0 else { return }
        var position = header.checkpointPosition
        var chain = header.checkpointChain
        while true {
            let start = LogLayout.ringOffset + Int(position % capacity)
            guard start + LogRecord.headerBytes <= raw.count,
                var record = LogRecord.decodeHeader(
                    UnsafeRawBufferPointer(rebasing: raw[start...])), record.position == position,
                record.byteCount <= UInt64(raw.count - start), record.span <= capacity,
                record.span > 0
            else { return }
            record.previousChecksum = chain
            record.checksum = record.seal(raw.baseAddress! + start, epoch: header.logEpoch)
            chain = record.chain(UnsafeRawBufferPointer(rebasing: raw[start...]))
            position &+= record.span
        }
    }
}
