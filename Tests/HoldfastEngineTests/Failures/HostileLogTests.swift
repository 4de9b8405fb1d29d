import Foundation
import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// Logs with right checksums and harmful numbers. Each opens as the last sound commit or is a typed
/// error, without a trap. Neither memory nor time depends on the numbers; the time limit guards the
/// latter.
@Suite(.progress, .timeLimit(.minutes(2))) struct HostileLogTests {
    private static let path = TestHeap.path
    private static let logPath = path + LogLayout.durableSuffix
    private static let sharedPath = path + LogLayout.sharedSuffix
    private static let commits = 4

    /// A killed heap with four durable commits, of which only the durable log is left, and the
    /// fields of a record that could follow them.
    private struct Killed {
        var files: [String: [UInt8]]
        var header: LogHeader
        var end: UInt64
        var chain: UInt64
        var cell: UInt64

        init() throws {
            let heap = TestHeap()
            let engine = try heap.open()
            var cell: UInt64 = 0
            for commit in 1 ... commits {
                try engine.change { access in
                    if cell == 0 { cell = access.allocate(byteCount: 64) }
                    access.store(commit, at: cell)
                }
                try engine.makeDurable()
            }
            files = heap.disk.currentFiles()
            files[sharedPath] = nil
            self.cell = cell
            end = engine.applied
            chain = engine.view.previousChecksum
            header = try #require(Self.logHeader(in: files[logPath]!))
            withExtendedLifetime(engine) {}
        }

        private static func logHeader(in log: [UInt8]) -> LogHeader? {
            LogLayout.headerOffsets.compactMap { offset -> LogHeader? in
                let copy = log[offset ..< offset + LogHeader.byteCount]
                guard case .header(let header) = copy.withUnsafeBytes({ LogHeader.decode($0) })
                else { return nil }
                return header
            }.max { $0.sequence < $1.sequence }
        }

        /// Both copies, so that no better one is left.
        mutating func replaceHeaders(by header: LogHeader) {
            for offset in LogLayout.headerOffsets {
                files[logPath]!.replaceSubrange(
                    offset ..< offset + LogHeader.byteCount, with: header.encoded())
            }
        }

        /// A record in the right place, with a right checksum over the given bytes.
        func record(
            runs: [(line: UInt64, count: Int)] = [], byteCount: UInt64? = nil,
            span: UInt64? = nil, summary: [UInt64] = [], heapPages: UInt64 = 16,
            commitNumber: UInt64 = UInt64(commits) + 1, durablePosition: UInt64 = 0,
            runCount: UInt32? = nil, root: [UInt8]? = nil
        ) -> [UInt8] {
            var body: [UInt8] = []
            func add(_ word: UInt64) { withUnsafeBytes(of: word) { body += $0 } }
            for word in summary { add(word) }
            for run in runs {
                add(run.line << 16 | UInt64(run.count & 0xffff))
                body += [UInt8](repeating: 9, count: run.count * HeapLayout.lineBytes)
            }
            if let root {
                add(HeapLayout.allocatorRootPage * 64 << 16 | UInt64(HeapLayout.linesPerPage))
                body += root
            }
            let present = LogRecord.headerBytes + body.count
            var bytes = [UInt8](repeating: 0, count: LogRecord.headerBytes) + body
            let record = LogRecord(
                runs: runCount ?? UInt32(runs.count + (root == nil ? 0 : 1)), position: end,
                byteCount: UInt64(present), span: UInt64(present), commitNumber: commitNumber,
                previousChecksum: chain, durablePosition: durablePosition, heapPages: heapPages)
            bytes.withUnsafeMutableBytes { raw in
                _ = record.seal(raw.baseAddress!, epoch: header.epoch)
                // The lengths are written over the sealed header and the checksum is recomputed.
                let claimed = byteCount ?? UInt64(present)
                raw.storeBytes(of: claimed, toByteOffset: 16, as: UInt64.self)
                raw.storeBytes(of: span ?? claimed, toByteOffset: 24, as: UInt64.self)
                let seed = Checksum.of(
                    UnsafeRawBufferPointer(rebasing: raw[..<LogRecord.checksumOffset]),
                    seed: header.epoch)
                let checksum = Checksum.of(
                    UnsafeRawBufferPointer(rebasing: raw[LogRecord.headerBytes...]), seed: seed)
                raw.storeBytes(
                    of: checksum, toByteOffset: LogRecord.checksumOffset, as: UInt64.self)
            }
            return bytes
        }

        /// The allocator's root page after the last commit, except for the heap's end.
        func root(end: UInt64) throws -> [UInt8] {
            let engine = try HeapEngine(
                path: path, mode: .readOnly, options: TestHeap.options,
                disk: SimulatedDisk(files: files))
            var root = Array(
                UnsafeRawBufferPointer(
                    start: engine.image.base + Int(AllocatorRoot.offset),
                    count: HeapLayout.pageBytes))
            root.withUnsafeMutableBytes {
                $0.storeBytes(
                    of: end, toByteOffset: Int(AllocatorRoot.endField - AllocatorRoot.offset),
                    as: UInt64.self)
            }
            try engine.close()
            return root
        }

        func with(_ record: [UInt8]) -> [String: [UInt8]] {
            var files = files
            let start = LogLayout.ringOffset + Int(end)
            files[logPath]!.replaceSubrange(start ..< start + record.count, with: record)
            return files
        }
    }

    private static let modes = [OpenMode.readOnly, .privateCopy, .readWrite]

    /// Opens in every mode and checks any heap that opens: it must be the last sound commit.
    private func tryAll(
        _ files: [String: [UInt8]], _ cell: UInt64, _ name: Comment, diskBytes: Int = .max,
        isSound: Bool = true
    ) {
        for mode in Self.modes {
            let disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            disk.capacity = diskBytes
            do {
                let engine = try HeapEngine(
                    path: Self.path, mode: mode, options: TestHeap.options, disk: disk)
                #expect(try engine.look { $0.load(cell, as: Int.self) } == Self.commits, name)
                if isSound { #expect(try engine.audit().problems == [], name) }
                try engine.close()
            } catch { #expect(error is HeapError, name) }
        }
    }

    private func expectForeign(_ files: [String: [UInt8]], _ name: Comment) {
        for mode in Self.modes {
            let disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            #expect(throws: HeapError.foreignLog(path: Self.path, logPath: Self.logPath), name) {
                try HeapEngine(path: Self.path, mode: mode, options: TestHeap.options, disk: disk)
            }
            #expect(disk.currentFiles() == files, name)
        }
    }

    // MARK: Headers

    @Test func headersWithNumbersThatNoLogHas() throws {
        let killed = try Killed()
        var headers: [(String, LogHeader)] = []
        func add(_ name: String, _ change: (inout LogHeader) -> Void) {
            var header = killed.header
            change(&header)
            headers.append((name, header))
        }
        for number in [UInt64.max, 1 << 63, 1 << 60] {
            add("sequence \(number)") { $0.sequence = number }
            add("required position \(number)") { $0.requiredPosition = number }
        }
        for bytes in [
            0, 1, 65_535, 65_537, 1 << 63, UInt64.max, UInt64.max - 65_535,
            HeapLayout.maximumBytes + 65_536,
        ] {
            add("capacity \(bytes)") { $0.capacity = bytes }
        }
        for (name, header) in headers {
            var hostile = killed
            hostile.replaceHeaders(by: header)
            expectForeign(hostile.files, "\(name)")
        }
    }

    /// The largest numbers that a header may have: the file is too short for them, or the log does
    /// not reach that far.
    @Test func headersWithTheLargestNumbers() throws {
        let killed = try Killed()
        for capacity in [UInt64(1) << 30, 1 << 36, HeapLayout.maximumBytes] {
            var hostile = killed
            hostile.header.capacity = capacity
            hostile.replaceHeaders(by: hostile.header)
            for mode in Self.modes {
                let disk = SimulatedDisk(files: hostile.files)
                #expect(throws: HeapError.self, "capacity \(capacity)") {
                    try HeapEngine(
                        path: Self.path, mode: mode, options: TestHeap.options, disk: disk)
                }
            }
        }
        var hostile = killed
        hostile.header.requiredPosition = 1 << 60 - 1
        hostile.header.sequence = 1 << 60 - 1
        hostile.replaceHeaders(by: hostile.header)
        for mode in Self.modes {
            #expect(throws: HeapError.self) {
                try HeapEngine(
                    path: Self.path, mode: mode, options: TestHeap.options,
                    disk: SimulatedDisk(files: hostile.files))
            }
        }
    }

    // MARK: Records

    @Test func recordsWithNumbersThatNoRecordHas() throws {
        let killed = try Killed()
        let lines = UInt64(HeapLayout.linesPerPage)
        let records: [(String, [UInt8])] = [
            ("3 GiB", killed.record(byteCount: 3 << 30)),
            ("200 GiB", killed.record(byteCount: 200 << 30)),
            ("all bytes that there are", killed.record(byteCount: UInt64.max & ~7)),
            ("a span of 2^60", killed.record(span: 1 << 60, summary: [1, 5])),
            ("a span of 2^64 - 8", killed.record(span: UInt64.max & ~7, summary: [1, 5])),
            ("a span once around the ring", killed.record(span: 256 << 10, summary: [1, 5])),
            ("a span shorter than the record", killed.record(runs: [(320, 1)], span: 72)),
            ("a number of commits of 2^64 - 1", killed.record(commitNumber: .max)),
            ("an older number of commits", killed.record(commitNumber: 1)),
            ("no pages", killed.record(heapPages: 0)),
            ("fewer pages than any heap", killed.record(heapPages: 4)),
            ("2^64 - 1 pages", killed.record(heapPages: .max)),
            ("a summary of a heap of no pages", killed.record(span: 4096, summary: [1, 0])),
            ("runs that are not there", killed.record(runCount: .max)),
            ("a run of no lines", killed.record(runs: [(320, 0)])),
            ("a run over the headers", killed.record(runs: [(0, 1)])),
            ("a run behind the end", killed.record(runs: [(16 * lines, 1)])),
            ("a run at the last line of all", killed.record(runs: [(1 << 48 - 1, 2)])),
        ]
        for (name, record) in records {
            let files = killed.with(record)
            for mode in Self.modes {
                let disk = SimulatedDisk(files: files)
                disk.recordsContents = false
                let engine = try HeapEngine(
                    path: Self.path, mode: mode, options: TestHeap.options, disk: disk)
                #expect(engine.commitNumber == UInt64(Self.commits), "\(name), \(mode)")
                #expect(
                    try engine.look { $0.load(killed.cell, as: Int.self) } == Self.commits,
                    "\(name), \(mode)")
                try engine.close()
            }
        }
    }

    /// A valid record of a heap of the maximum size. A disk without room for it reports that.
    @Test func recordOfAHugeHeap() throws {
        let killed = try Killed()
        let pages = HeapLayout.maximumBytes >> HeapLayout.pageShift
        for heapPages in [pages, pages - 1, 1 << 28] {
            tryAll(
                killed.with(killed.record(heapPages: heapPages)), killed.cell,
                "a commit with \(heapPages) pages", diskBytes: 1 << 30)
            tryAll(
                killed.with(killed.record(span: 4096, summary: [1, 5], heapPages: heapPages)),
                killed.cell, "a summary with \(heapPages) pages", diskBytes: 1 << 30)
            // With a matching allocator's root page.
            tryAll(
                killed.with(
                    killed.record(heapPages: heapPages, root: try killed.root(end: heapPages))),
                killed.cell, "a root of \(heapPages) pages", diskBytes: 1 << 30, isSound: false)
            // A line far behind the heap's end.
            tryAll(
                killed.with(
                    killed.record(
                        runs: [((heapPages - 1) * UInt64(HeapLayout.linesPerPage), 1)],
                        heapPages: heapPages)),
                killed.cell, "a line in page \(heapPages - 1)", diskBytes: 1 << 30)
        }
    }

    /// Behind the end, headers of records that claim to be very long, each inside the one before.
    @Test func recordsInsideEachOther() throws {
        let killed = try Killed()
        var files = killed.files
        let start = LogLayout.ringOffset + Int(killed.end)
        let capacity = Int(killed.header.capacity)
        var offset = start + 4096
        while offset + 80 < LogLayout.ringOffset + capacity {
            let record = LogRecord(
                runs: 1, position: UInt64(offset - LogLayout.ringOffset),
                byteCount: UInt64(capacity - 80), span: UInt64(capacity - 80), commitNumber: 9,
                previousChecksum: 0, durablePosition: 1 << 40, heapPages: 16)
            files[Self.logPath]!.withUnsafeMutableBytes { raw in
                let place = raw.baseAddress! + offset
                place.storeBytes(of: LogRecord.magic, as: UInt32.self)
                place.storeBytes(of: record.runs, toByteOffset: 4, as: UInt32.self)
                for (index, word) in [
                    record.position, record.byteCount, record.span, record.commitNumber,
                    record.previousChecksum, record.durablePosition, record.heapPages,
                ].enumerated() {
                    place.storeBytes(of: word, toByteOffset: 8 + index * 8, as: UInt64.self)
                }
                place.storeBytes(of: 320 << 16 | 1, toByteOffset: 72, as: UInt64.self)
            }
            offset += 80
        }
        tryAll(files, killed.cell, "records inside each other")
    }

    // MARK: Files with holes

    #if os(Linux)
        /// Logs that consist almost entirely of a hole, in real files, for a process with little
        /// memory. The ring of 64 GiB or 1 TiB is as long as its header says, and so is a record in
        /// it.
        @Test(arguments: [UInt64(64) << 30, 1 << 40]) func holes(capacity: UInt64) async throws {
            var killed = try Killed()
            killed.header.capacity = capacity
            killed.replaceHeaders(by: killed.header)
            let folder = try TemporaryFolder()
            let records: [[UInt8]] = [
                [], killed.record(byteCount: 3 << 30), killed.record(byteCount: 200 << 30),
                killed.record(byteCount: 3 << 30, runCount: .max),
            ]
            for (number, record) in records.enumerated() {
                for mode in Self.modes {
                    let path = folder.file("\(number) \(mode)")
                    let files = killed.with(record)
                    try Data(files[Self.path]!).write(to: URL(fileURLWithPath: path))
                    let log = path + LogLayout.durableSuffix
                    try Data(files[Self.logPath]!).write(to: URL(fileURLWithPath: log))
                    #expect(truncate(log, LogLayout.ringOffset + Int(capacity)) == 0)
                    let before = Self.privateBytes()
                    let engine = try await Self.openWithAddresses(path, mode)
                    #expect(engine.commitNumber == UInt64(Self.commits))
                    #expect(
                        try engine.look { $0.load(killed.cell, as: Int.self) } == Self.commits)
                    #expect(Self.privateBytes() < before + 512 << 20)
                    try engine.close()
                }
            }
        }

        /// Opens a heap whose log takes a large part of the addresses. Tests beside this one can
        /// have reserved them for their heaps, which they close again.
        private static func openWithAddresses(_ path: String, _ mode: OpenMode) async throws
            -> HeapEngine
        {
            for _ in 0 ..< 1200 {
                do {
                    return try HeapEngine(path: path, mode: mode, options: TestHeap.options)
                } catch HeapError.outOfMemory {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            return try HeapEngine(path: path, mode: mode, options: TestHeap.options)
        }

        /// This process's private memory.
        private static func privateBytes() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
            return (Int(line.filter(\.isNumber)) ?? 0) << 10
        }
    #endif

    // MARK: Beside a survivor

    /// Replaces both copies of the log's header on `disk`; false if there is none.
    private func changeHeader(on disk: SimulatedDisk, _ change: (inout LogHeader) -> Void) throws
        -> Bool
    {
        guard disk.exists(Self.logPath) else { return false }
        let log = try disk.open(Self.logPath, .readWrite)
        defer { log.close() }
        guard case .header(var header) = try LogHeader.read(from: log, at: LogLayout.headerOffsets)
        else { return false }
        header.sequence += 1
        change(&header)
        for offset in LogLayout.headerOffsets { try log.write(header.encoded(), at: offset) }
        return true
    }

    private static let hostileCapacities: [UInt64] = [
        0, 1, 1 << 63, .max, 1 << 44, 1 << 40,
    ]

    /// A process was killed after it had started a log that was never used, and the log's header
    /// was changed afterwards.
    @Test(arguments: hostileCapacities) func logThatWasLeft(capacity: UInt64) throws {
        let disk = SimulatedDisk()
        let options = TestHeap.options
        try HeapEngine(path: Self.path, mode: .readWrite, options: options, disk: disk).close()
        let engine = try HeapEngine(
            path: Self.path, mode: .readWrite, options: options, disk: disk)
        var killed: [SimulatedDisk] = []
        disk.onCall = { [unowned disk] _ in killed.append(SimulatedDisk(afterKillOf: disk)) }
        try engine.change { _ = $0.allocate(byteCount: 64) }
        try engine.makeDurable()
        disk.onCall = nil
        var refused = 0
        for copy in killed {
            copy.recordsContents = false
            let holder = try copy.open(Self.path, .readWrite)
            defer { holder.close() }
            #expect(try holder.tryLock(.presence, exclusive: false))
            let survivor = try HeapEngine(
                path: Self.path, mode: .readWrite, options: options, disk: copy)
            guard try changeHeader(on: copy, { $0.capacity = capacity }) else { continue }
            do {
                try survivor.change { _ = $0.allocate(byteCount: 64) }
                try survivor.makeDurable()
            } catch {
                #expect(error is HeapError)
                refused += 1
            }
            try? survivor.close()
        }
        // Killed after the header that names the log, and while it synced the log for a commit.
        #expect(refused >= 2)
    }
}
