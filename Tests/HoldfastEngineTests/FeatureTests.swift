import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// Files with features that this library does not know, made by a newer one.
@Suite(.progress) struct FeatureTests {
    private static let modes: [OpenMode] = [.readWrite, .readOnly, .privateCopy]
    private static let logPath = TestHeap.path + LogLayout.durableSuffix
    private static let sharedPath = TestHeap.path + LogLayout.sharedSuffix
    private static let feature: UInt64 = 1 << 63

    /// A heap at rest, or one whose only process has been killed, with the value 5 in a cell.
    private struct Left {
        let disk: SimulatedDisk
        let cell: UInt64

        init(isAtRest: Bool) throws {
            let heap = TestHeap()
            let engine = try heap.open()
            let cell = try engine.change { $0.allocate(byteCount: 64) }
            try engine.change { $0.store(5, at: cell) }
            if isAtRest { try engine.close() }
            disk = SimulatedDisk(files: heap.disk.currentFiles())
            self.cell = cell
        }

        func open(_ mode: OpenMode) throws -> HeapEngine {
            try HeapEngine(path: TestHeap.path, mode: mode, options: TestHeap.options, disk: disk)
        }

        /// Expects an error, and no change of any file.
        func expectRefused(_ modes: [OpenMode], _ error: HeapError) {
            let before = disk.currentFiles()
            for mode in modes {
                #expect(throws: error) { try open(mode) }
                #expect(disk.currentFiles() == before)
            }
        }

        func expectReadable() throws {
            for mode in [OpenMode.readOnly, .privateCopy] {
                let engine = try open(mode)
                let value = try engine.look { $0.load(cell, as: Int.self) }
                #expect(value == 5)
                try engine.close()
            }
        }

        /// Changes headers in a file, and seals them again.
        func change(
            _ path: String, at offsets: [Int], byteCount: Int, _ change: ([UInt8]) -> [UInt8]?
        ) throws {
            let file = try disk.open(path, .readWrite)
            defer { file.close() }
            for offset in offsets {
                var bytes = [UInt8](repeating: 0, count: byteCount)
                _ = try file.read(&bytes, at: offset)
                if let changed = change(bytes) { try file.write(changed, at: offset) }
            }
        }

        func setFeatures(_ features: FormatFeatures) throws {
            try change(TestHeap.path, at: [0, 4096], byteCount: HeapHeader.byteCount) { bytes in
                guard case .header(var header) = bytes.withUnsafeBytes({ HeapHeader.decode($0) })
                else { return nil }
                header.features = features
                return header.encoded()
            }
        }

        func setLogFeatures(_ features: FormatFeatures) throws {
            try change(
                FeatureTests.logPath, at: LogLayout.headerOffsets, byteCount: LogHeader.byteCount
            ) {
                guard case .header(var header) = $0.withUnsafeBytes({ LogHeader.decode($0) })
                else { return nil }
                header.features = features
                return header.encoded()
            }
        }

        func setSharedHeader(_ set: (inout SharedHeader) -> Void) throws {
            try change(FeatureTests.sharedPath, at: [0], byteCount: SharedHeader.byteCount) {
                guard case .header(var header) = $0.withUnsafeBytes({ SharedHeader.decode($0) })
                else { return nil }
                set(&header)
                return header.encoded()
            }
        }
    }

    @Test func incompatibleFeaturesKeepOthersOut() throws {
        let left = try Left(isAtRest: true)
        try left.setFeatures(FormatFeatures(incompatible: Self.feature))
        left.expectRefused(
            Self.modes,
            .unknownFeatures(path: TestHeap.path, features: Self.feature, mayBeRead: false))
    }

    @Test func filesThatMayOnlyBeRead() throws {
        let left = try Left(isAtRest: true)
        try left.setFeatures(FormatFeatures(readOnlyCompatible: Self.feature))
        left.expectRefused(
            [.readWrite],
            .unknownFeatures(path: TestHeap.path, features: Self.feature, mayBeRead: true))
        try left.expectReadable()
    }

    /// Through commits, checkpoints and the end of the use of the log.
    @Test func compatibleFeaturesAreKept() throws {
        let left = try Left(isAtRest: true)
        let features = FormatFeatures(compatible: Self.feature | 1)
        try left.setFeatures(features)
        let engine = try left.open(.readWrite)
        try engine.change { $0.store(6, at: left.cell) }
        try engine.checkpoint()
        try engine.close()
        let bytes = try #require(left.disk.currentFiles()[TestHeap.path])
        for copy in [0, 4096] {
            let reading = bytes[copy ..< copy + HeapHeader.byteCount].withUnsafeBytes {
                HeapHeader.decode($0)
            }
            guard case .header(let header) = reading else {
                Issue.record("copy at \(copy): \(reading)")
                continue
            }
            #expect(header.features == features)
            #expect(header.formatVersion == HeapLayout.featureVersion)
        }
        let reader = try left.open(.readOnly)
        let value = try reader.look { $0.load(left.cell, as: Int.self) }
        #expect(value == 6)
        try reader.close()
    }

    @Test func featuresOfTheLog() throws {
        let left = try Left(isAtRest: false)
        try left.setLogFeatures(FormatFeatures(incompatible: Self.feature))
        left.expectRefused(
            Self.modes,
            .unknownFeatures(path: Self.logPath, features: Self.feature, mayBeRead: false))

        let readable = try Left(isAtRest: false)
        try readable.setLogFeatures(FormatFeatures(readOnlyCompatible: Self.feature))
        readable.expectRefused(
            [.readWrite],
            .unknownFeatures(path: Self.logPath, features: Self.feature, mayBeRead: true))
        try readable.expectReadable()

        let compatible = try Left(isAtRest: false)
        try compatible.setLogFeatures(FormatFeatures(compatible: Self.feature))
        try compatible.expectReadable()
        try compatible.open(.readWrite).close()
    }

    /// The ring of a newer program that was killed may hold commits that are nowhere else: the
    /// commits of this heap are.
    @Test func sharedFilesThatNewerProgramsHaveLeft() throws {
        let left = try Left(isAtRest: false)
        try left.setSharedHeader { $0.features = Self.feature }
        left.expectRefused(
            Self.modes,
            .unknownFeatures(path: Self.sharedPath, features: Self.feature, mayBeRead: false))

        let newer = try Left(isAtRest: false)
        try newer.setSharedHeader { $0.version = 5 }
        newer.expectRefused(
            Self.modes, .newerFormat(path: Self.sharedPath, found: 5, supported: 4))
    }

    /// Programs with two versions of the library at the same time: the second is refused, and the
    /// first goes on.
    @Test(arguments: [(2, 0), (4, feature), (5, 0)] as [(UInt32, UInt64)])
    func besideAnotherVersion(version: UInt32, features: UInt64) throws {
        let heap = TestHeap()
        let first = try heap.open()
        let cell = try first.change { $0.allocate(byteCount: 64) }
        let file = try heap.disk.open(Self.sharedPath, .readWrite)
        defer { file.close() }
        var bytes = [UInt8](repeating: 0, count: SharedHeader.byteCount)
        _ = try file.read(&bytes, at: 0)
        guard case .header(let own) = bytes.withUnsafeBytes({ SharedHeader.decode($0) }) else {
            Issue.record("the shared file has no header")
            return
        }
        var other = own
        other.version = version
        other.features = features
        try file.write(other.encoded(), at: 0)
        for mode in Self.modes {
            #expect(
                throws: HeapError.usedByOtherVersion(
                    path: TestHeap.path, found: version, features: features)
            ) { try heap.open(mode) }
        }
        try first.change { $0.store(7, at: cell) }
        try file.write(own.encoded(), at: 0)
        let second = try heap.open()
        let value = try second.look { $0.load(cell, as: Int.self) }
        #expect(value == 7)
        try second.close()
        try first.close()
    }
}
