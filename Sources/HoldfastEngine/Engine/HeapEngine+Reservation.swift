import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Room in the file before it is needed, and giving it up again.
extension HeapEngine {
    /// Makes the file at least `bytes` long, rounded up to 64 KiB, with blocks of the disk for all
    /// of it (unless `reservesBlocks` is off), and keeps it so from now on, also when the heap is
    /// closed. Durable on return. Other processes go on; writers wait.
    ///
    /// Throws `tooLarge` beyond what can be mapped, and `diskFull` or `fileTooLarge` with the file
    /// as it was.
    public func reserve(bytes: Int) throws(HeapError) {
        demandNoOpenTransaction(for: "heap.reserve")
        try requireWritable()
        guard bytes >= 0 else {
            throw HeapError.unusableNumber(
                path: path, what: "\(bytes) bytes to reserve", wanted: "a size of 0 or more")
        }
        guard bytes <= HeapImage.maximumBytes else {
            throw HeapError.tooLarge(path: path, limitBytes: UInt64(HeapImage.maximumBytes))
        }
        try changeReservation(to: SystemPage.roundUp(bytes, to: HeapLayout.fileGranule))
    }

    /// Gives up what `reserve` has asked for, moves the log into the file, and cuts off what the
    /// heap does not need at the file's end. Where another process has the heap open, the last one
    /// to close it cuts the file.
    public func shrink() throws(HeapError) {
        demandNoOpenTransaction(for: "heap.shrink")
        try changeReservation(to: 0)
        try checkpoint()
        try lockForWriting()
        defer { unlockAfterWriting() }
        try catchUp()
        try giveBackTail()
    }

    private func changeReservation(to bytes: Int) throws(HeapError) {
        try requireWritable()
        guard mode == .readWrite, let file else { throw HeapError.noFile(path: path) }
        try lockForWriting()
        defer { unlockAfterWriting() }
        try requireInPlace()
        // A file that cannot be mapped could not be opened any more.
        try image.provide(bytes, path: path, file: file, mayMove: true)
        try withCheckpointLock(waits: true) { () throws(HeapError) in
            var header = try readHeader(file)
            guard bytes != reservedBytes else { return }
            do throws(SystemError) {
                if bytes > fileBytes {
                    // Under the write lock no commit grows it meanwhile. A rest behind the last
                    // granule is no room.
                    let current = fileBytes - fileBytes % HeapLayout.fileGranule
                    try file.grow(from: current, to: bytes, reservingBlocks: options.reservesBlocks)
                    try file.sync()
                }
            } catch { throw heapError(error) }
            header.reservedBytes = UInt64(bytes)
            do throws(SystemError) {
                try writeNextHeader(&header, file)
                if !header.logInUse { try repeatHeader(header, to: file) }
            } catch { throw fail(error) }
            reservedBytes = bytes
            fileBytes = max(fileBytes, bytes)
        }
    }
}
