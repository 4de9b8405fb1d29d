import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Damage to pages of the data file that the log changes in part. Applying the logged lines to such
/// a page must not give the remaining damage a new checksum, which would hide it for good.
@Suite(.progress) struct BaseDamageTests {
    private let path = TestHeap.path

    /// A killed heap with a commit in its log that changes one line of a page with two cells; the
    /// other cell's bytes are those of the data file.
    private func killed() throws -> (files: [String: [UInt8]], changed: UInt64, other: UInt64) {
        let (heap, cell) = try TestHeap.atRest()
        let first = try heap.open()
        let other = try first.change { access in
            let other = access.allocate(byteCount: 64)
            access.store(8, at: other)
            return other
        }
        try first.close()
        let engine = try heap.open()
        try engine.change { $0.store(6, at: cell) }
        try engine.makeDurable()
        let files = heap.disk.currentFiles()
        withExtendedLifetime(engine) {}
        #expect(
            cell >> 12 == other >> 12 && cell >> 6 != other >> 6,
            "the cells should share a page and no line")
        return (files, cell, other)
    }

    private func open(_ files: [String: [UInt8]], _ mode: OpenMode, verifies: Bool = false) throws
        -> HeapEngine
    {
        let disk = SimulatedDisk(files: files)
        disk.recordsContents = false
        var options = TestHeap.options
        options.verifiesPages = verifies
        return try HeapEngine(path: path, mode: mode, options: options, disk: disk)
    }

    @Test(arguments: [OpenMode.readWrite, .readOnly, .privateCopy])
    func recoveryRefusesADamagedPage(mode: OpenMode) throws {
        let (files, changed, other) = try killed()
        let sound = try open(files, mode, verifies: true)
        #expect(try sound.look { $0.load(changed, as: Int.self) } == 6)
        #expect(try sound.look { $0.load(other, as: Int.self) } == 8)
        for withShared in [true, false] {
            var damaged = files
            damaged[path]![Int(other)] ^= 1
            if !withShared { damaged[path + LogLayout.sharedSuffix] = nil }
            try expectFound(damaged, mode, [Int(other >> 12)])
        }
        // Damage in a line that the log replaces counts as well: the page is not as it was written.
        var replaced = files
        replaced[path]![Int(changed)] ^= 1
        try expectFound(replaced, mode, [Int(other >> 12)])
    }

    /// A writer would hide the damage, so it is refused at once. A reader can read the heap, unless
    /// it requests verification of the pages.
    private func expectFound(_ files: [String: [UInt8]], _ mode: OpenMode, _ pages: [Int]) throws {
        let error = HeapError.damagedPages(path: path, pages: pages)
        #expect(throws: error) { try open(files, mode, verifies: true) }
        if mode == .readWrite {
            #expect(throws: error) { try open(files, mode) }
        } else {
            #expect(try open(files, mode).scrub().damagedPages == pages)
        }
    }

    /// A damaged checksum page does not mean that every page is damaged, and must not be rewritten.
    @Test func recoveryRefusesADamagedPageOfChecksums() throws {
        var (files, _, _) = try killed()
        files[path]![4 * 4096 + 3000] ^= 1
        #expect(throws: HeapError.damagedPages(path: path, pages: [4])) {
            try open(files, .readWrite)
        }
    }

    @Test func checkpointRefusesADamagedPage() throws {
        let (heap, cell) = try TestHeap.atRest()
        let engine = try heap.open()
        try engine.change { $0.store(6, at: cell) }
        let file = try heap.disk.open(path, .readWrite)
        try file.write([1, 2, 3], at: Int(cell >> 12) * 4096 + 4000)
        #expect(throws: HeapError.damagedPages(path: path, pages: [Int(cell >> 12)])) {
            try engine.checkpoint()
        }
        // It was not overwritten, so every later opening reports the same.
        try? engine.close()
        #expect(throws: HeapError.damagedPages(path: path, pages: [Int(cell >> 12)])) {
            try heap.open()
        }
    }

    /// A scrub also compares pages that have changed since the last checkpoint: the file must
    /// contain what that checkpoint wrote.
    @Test func scrubFindsDamageUnderTheLog() throws {
        let (heap, cell) = try TestHeap.atRest()
        let engine = try heap.open()
        try engine.change { $0.store(6, at: cell) }
        #expect(try engine.scrub().damagedPages == [])
        #expect(try engine.scrub().loggedPages > 0)
        let file = try heap.disk.open(path, .readWrite)
        try file.write([1, 2, 3], at: Int(cell >> 12) * 4096 + 4000)
        #expect(try engine.scrub().damagedPages == [Int(cell >> 12)])
    }

    /// The newest copy of the header says that there is a log. Without that copy the older one says
    /// that the file is at rest, and must not be believed.
    @Test func aLogIsNotForgottenWithTheHeaderThatNamesIt() throws {
        let (files, changed, _) = try killed()
        var opened = 0
        for copy in 0 ..< 2 {
            for mode in [OpenMode.readWrite, .readOnly] {
                var damaged = files
                damaged[path]![copy * 4096 + 100] ^= 4
                let engine = try open(damaged, mode)
                #expect(try engine.look { $0.load(changed, as: Int.self) } == 6, "copy \(copy)")
                opened += 1
            }
            // A header is one sector and written atomically: an invalid copy is therefore damaged,
            // even in a heap that is in use.
            var damaged = files
            damaged[path]![copy * 4096 + 100] ^= 4
            #expect(throws: HeapError.damagedPages(path: path, pages: [copy])) {
                try open(damaged, .readOnly, verifies: true)
            }
        }
        #expect(opened == 4)
    }

    /// The log lies beside the file itself, even if the heap is opened through a link.
    @Test func aLogIsNotForgottenBehindALink() throws {
        let (files, changed, _) = try killed()
        for copy in 0 ..< 2 {
            var damaged = files
            damaged[path]![copy * 4096 + 100] ^= 4
            let disk = SimulatedDisk(files: damaged)
            disk.recordsContents = false
            disk.links["/elsewhere/link.heap"] = path
            let engine = try HeapEngine(
                path: "/elsewhere/link.heap", mode: .readWrite, options: TestHeap.options,
                disk: disk)
            #expect(try engine.look { $0.load(changed, as: Int.self) } == 6, "copy \(copy)")
        }
    }

    /// Without the newest header the last checkpoint looks interrupted. But the pages that it wrote
    /// completely match their checksums, and a page that does not is not a torn one.
    @Test func aLostHeaderForgivesNoPage() throws {
        let (heap, cell) = try TestHeap.atRest()
        let engine = try heap.open()
        let other = try engine.change { access in
            let other = access.allocate(byteCount: 64)
            access.store(8, at: other)
            return other
        }
        try engine.change { $0.store(6, at: cell) }
        try engine.checkpoint()
        try engine.change { $0.store(7, at: cell) }
        try engine.makeDurable()
        var files = heap.disk.currentFiles()
        let newest = Int(try engine.readHeader(engine.file!).sequence % 2)
        withExtendedLifetime(engine) {}
        files[path]![newest * 4096 + 100] ^= 4
        let opened = try open(files, .readWrite)
        #expect(try opened.look { $0.load(cell, as: Int.self) } == 7)
        #expect(try opened.look { $0.load(other, as: Int.self) } == 8)
        // Outside the lines in the log: the cell's neighbour in the slab's free space.
        files[path]![(Int(cell) & ~4095) + 4000] ^= 1
        #expect(throws: HeapError.damagedPages(path: path, pages: [Int(cell) >> 12])) {
            try open(files, .readWrite)
        }
    }

    /// Impossible numbers under right checksums: the heap is refused, or opened with these values,
    /// without wrong arithmetic.
    @Test func extremeNumbersOfTheHeader() async {
        await #expect(processExitsWith: .success) {
            let (heap, _) = try TestHeap.atRest()
            let files = heap.disk.currentFiles()
            for field in stride(from: 24, to: HeapHeader.checksumOffset, by: 8) {
                for value in [
                    0, 1, 12, 1 << 31, 1 << 32, 1 << 47, 1 << 62, 1 << 63, .max - 7, .max,
                ] as [UInt64] {
                    var bytes = files[TestHeap.path]!
                    bytes.withUnsafeMutableBytes { raw in
                        for copy in 0 ..< 2 {
                            let header = UnsafeMutableRawBufferPointer(
                                rebasing: raw[copy * 4096 ..< copy * 4096 + 512])
                            header.storeBytes(of: value, toByteOffset: field, as: UInt64.self)
                            let sum = Checksum.of(
                                UnsafeRawBufferPointer(
                                    rebasing: header[..<HeapHeader.checksumOffset]),
                                seed: Checksum.headerSeed)
                            header.storeBytes(
                                of: sum, toByteOffset: HeapHeader.checksumOffset, as: UInt64.self)
                        }
                    }
                    let disk = SimulatedDisk(files: [TestHeap.path: bytes])
                    guard
                        let engine = try? HeapEngine(
                            path: TestHeap.path, mode: .readWrite, options: TestHeap.options,
                            disk: disk)
                    else {
                        continue
                    }
                    _ = try? engine.scrub()
                    _ = try? engine.audit()
                    _ = try? engine.change { _ = $0.allocate(byteCount: 8) }
                    try? engine.close()
                }
            }
        }
    }

    /// The same in the records of the log.
    @Test func extremeNumbersOfRecords() async {
        await #expect(processExitsWith: .success) {
            let (heap, cell) = try TestHeap.atRest()
            let engine = try heap.open()
            try engine.change { $0.store(6, at: cell) }
            try engine.makeDurable()
            var files = heap.disk.currentFiles()
            let header = try engine.readHeader(engine.file!)
            withExtendedLifetime(engine) {}
            files[TestHeap.path + LogLayout.sharedSuffix] = nil
            let start =
                LogLayout.ringOffset
                + Int(header.checkpointPosition % UInt64(engine.writerLog!.capacity))
            for field in [0, 16, 24, 32, 48, 56, 72] {
                for value in [
                    0, 1, 80, 1 << 31, 1 << 32, 1 << 40, 1 << 52, 1 << 62, 1 << 63, .max - 7, .max,
                ] as [UInt64] {
                    var damaged = files
                    damaged[TestHeap.path + LogLayout.durableSuffix]!.withUnsafeMutableBytes {
                        raw in
                        let record = raw.baseAddress! + start
                        (record + field).storeBytes(of: value, as: UInt64.self)
                        guard
                            var decoded = LogRecord.decodeHeader(
                                UnsafeRawBufferPointer(rebasing: raw[start...])),
                            decoded.byteCount < 4096
                        else { return }
                        decoded.checksum = decoded.seal(record, epoch: header.logEpoch)
                    }
                    for mode in [OpenMode.readOnly, .readWrite] {
                        let disk = SimulatedDisk(files: damaged)
                        guard
                            let engine = try? HeapEngine(
                                path: TestHeap.path, mode: mode, options: TestHeap.options,
                                disk: disk)
                        else {
                            continue
                        }
                        _ = try? engine.scrub()
                        _ = try? engine.audit()
                        if mode == .readWrite {
                            _ = try? engine.change { _ = $0.allocate(byteCount: 8) }
                        }
                        try? engine.close()
                    }
                }
            }
        }
    }
}
