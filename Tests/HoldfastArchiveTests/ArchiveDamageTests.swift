import HoldfastArchive
import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

/// Archives whose files were changed by somebody else.
@Suite struct ArchiveDamageTests {
    static func archive(seed: UInt64 = 31) throws -> TestArchive {
        var archive = try TestArchive(seed: seed)
        try archive.appendBase()
        for index in 0 ..< 19 { try archive.append(intervals: index % 2 + 1) }
        _ = try ArchiveMerger(try ArchiveChange(archive.folder)).mergeDue()
        return archive
    }

    /// What comes of a moment: the right state, or an error.
    enum Outcome: Equatable {
        case right, wrong
        case error(ArchiveError)
    }

    static func outcome(
        _ archive: TestArchive, _ files: [String: [UInt8]], _ commit: UInt64,
        usesMerged: Bool = true
    ) throws -> Outcome {
        let damaged = TestArchive(archive, on: SimulatedDisk(files: files))
        do {
            let (heap, bytes) = try damaged.restored(.commit(commit), usesMerged: usesMerged)
            let isRight =
                heap.state.place.commitNumber == commit
                && bytes.isSame(as: archive.history.states[commit]!)
            return isRight ? .right : .wrong
        } catch let error as ArchiveError {
            return .error(error)
        }
    }

    /// Whether the error is about the file, or about what is missing without it.
    static func names(_ error: ArchiveError, _ path: String) -> Bool {
        switch error {
        case .missingSegment, .momentNotFound, .noBase: true
        default: error.description.contains(path)
        }
    }

    static func segmentPaths(_ files: [String: [UInt8]]) -> [String] {
        files.keys.filter { $0.hasSuffix(".segment") }.sorted()
    }

    @Test func flippedBitsAreFound() throws {
        let archive = try Self.archive()
        let files = archive.disk.currentFiles()
        let paths = Self.segmentPaths(files)
        let newest = archive.history.place.commitNumber
        var random = SplitMix(state: 6)
        var errors = 0
        for _ in 0 ..< TestExtent.choose(quick: 1500, full: 20_000) {
            let path = paths.randomElement(using: &random)!
            var damaged = files
            let bit = Int.random(in: 0 ..< files[path]!.count * 8, using: &random)
            damaged[path]![bit / 8] ^= 1 << UInt8(bit % 8)
            let commit = UInt64.random(in: 0 ... newest, using: &random)
            switch try Self.outcome(archive, damaged, commit) {
            case .right: break
            case .wrong: Issue.record("bit \(bit) of \(path), commit \(commit)")
            case .error(let error):
                errors += 1
                #expect(Self.names(error, path), "\(error)")
            }
        }
        #expect(errors > 100)
    }

    @Test func truncatedSegmentsAreFound() throws {
        let archive = try Self.archive()
        let files = archive.disk.currentFiles()
        let newest = archive.history.place.commitNumber
        var random = SplitMix(state: 7)
        for path in Self.segmentPaths(files) {
            for _ in 0 ..< TestExtent.choose(quick: 10, full: 200) {
                var damaged = files
                let count = Int.random(in: 0 ..< files[path]!.count, using: &random)
                damaged[path]!.removeLast(files[path]!.count - count)
                let commit = UInt64.random(in: 0 ... newest, using: &random)
                let outcome = try Self.outcome(archive, damaged, commit)
                #expect(outcome != .wrong, "\(count) bytes of \(path), commit \(commit)")
                if case .error(let error) = outcome { #expect(Self.names(error, path)) }
            }
        }
    }

    /// Each segment is removed, has another's name, or is one of another heap.
    @Test func otherFilesAreFound() throws {
        let archive = try Self.archive()
        let files = archive.disk.currentFiles()
        let paths = Self.segmentPaths(files)
        let other = try Self.archive(seed: 32).disk.currentFiles()
        let newest = archive.history.place.commitNumber
        var random = SplitMix(state: 8)
        for path in paths {
            var missing = files
            missing[path] = nil
            let swapped = paths.randomElement(using: &random)!
            var misnamed = files
            misnamed[path] = files[swapped]
            misnamed[swapped] = files[path]
            // Of a heap with the same identity and another history.
            var mixed = files
            mixed[path] = other[Self.segmentPaths(other).randomElement(using: &random)!]
            for (what, damaged) in [("missing", missing), ("misnamed", misnamed), ("mixed", mixed)]
            {
                for commit in [0, newest, UInt64.random(in: 0 ... newest, using: &random)] {
                    for usesMerged in [true, false] {
                        let outcome = try Self.outcome(
                            archive, damaged, commit, usesMerged: usesMerged)
                        #expect(outcome != .wrong, "\(path) \(what), commit \(commit)")
                    }
                }
            }
        }
    }

    @Test func foreignSegmentsAreNamed() throws {
        let archive = try Self.archive()
        var files = archive.disk.currentFiles()
        let path = TestArchive.path + "/base-0000000000000000.segment"
        let sink = MemoryBytes()
        let history = ModelHistory(seed: 31)
        var header = history.header(.base)
        header.identity.high = 1
        var writer = try SegmentWriter(header, to: sink)
        try history.writeBase(to: &writer)
        _ = try writer.finish()
        files[path] = sink.bytes
        files[TestArchive.path + "/nonsense.segment"] = [1]
        files[TestArchive.path + "/notes.txt"] = [1]
        let damaged = TestArchive(archive, on: SimulatedDisk(files: files))
        let catalogue = try ArchiveCatalogue(of: damaged.folder)
        #expect(
            catalogue.problems == [
                .misnamedSegment(path: TestArchive.path + "/nonsense.segment", rightName: ""),
                .foreignSegment(
                    path: path, identity: header.identity.description,
                    expected: ModelHistory.identity.description),
            ])
        let outcome = try Self.outcome(archive, files, 5)
        guard case .error(.foreignSegment(path, _, _)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test func misnamedSegmentsAreNamed() throws {
        let archive = try Self.archive()
        var files = archive.disk.currentFiles()
        let path = Self.segmentPaths(files)[3]
        let wrong = TestArchive.path + "/base-00000000000000ff.segment"
        files[wrong] = files.removeValue(forKey: path)
        let damaged = TestArchive(archive, on: SimulatedDisk(files: files))
        let problems = try ArchiveCatalogue(of: damaged.folder).problems
        let name = String(path.split(separator: "/").last!)
        #expect(problems == [.misnamedSegment(path: wrong, rightName: name)])
    }

    /// A header and an end that are each whole, and not of one segment: found without reading what
    /// is between.
    @Test func patchedSegmentsAreFound() throws {
        let archive = try Self.archive()
        var files = archive.disk.currentFiles()
        let path = Self.segmentPaths(files)[3]
        let segments = try ArchiveCatalogue(of: archive.folder).segments
        var header = try #require(segments.first { $0.path == path }).header
        header.heapCreationTime += 1
        files[path]!.replaceSubrange(..<SegmentHeader.byteCount, with: header.encoded())
        let damaged = TestArchive(archive, on: SimulatedDisk(files: files))
        let problems = try ArchiveCatalogue(of: damaged.folder).problems
        #expect(
            problems == [
                .damagedSegment(path: path, what: "its end is that of another segment")
            ])
    }

    /// A damaged merged segment is not needed: the verification names it, and it is left out of
    /// further merges.
    @Test func verificationNamesWhatIsDamaged() throws {
        let archive = try Self.archive()
        let files = archive.disk.currentFiles()
        func findings(_ files: [String: [UInt8]]) throws -> ArchiveFindings {
            let damaged = TestArchive(archive, on: SimulatedDisk(files: files))
            return try damaged.restorer.verify(scratch: "/scratch")
        }
        let sound = try findings(files)
        #expect(sound.problems.isEmpty)
        #expect(sound.segments == 22)
        #expect(sound.comparedStates == archive.history.ends.count)
        for path in Self.segmentPaths(files) {
            var damaged = files
            damaged[path]![200] ^= 4
            let problems = try findings(damaged).problems
            let isNamed = problems.contains { $0.description.contains(path) }
            #expect(isNamed, "\(path): \(problems)")
            var missing = files
            missing[path] = nil
            let isMissed = try !findings(missing).problems.isEmpty
            // A merged segment, or the last one, is not missed.
            let name = path.split(separator: "/").last!
            if !name.hasPrefix("01"), path != Self.segmentPaths(files).dropLast(3).last {
                #expect(isMissed, "\(path)")
            }
        }
    }

    /// A segment that is whole, and has lines that the heap never had.
    @Test func wrongStatesAreFound() throws {
        var archive = try TestArchive(seed: 33)
        try archive.appendBase()
        var wrong = archive.history.advance()
        wrong.commits[0].runs.append(
            ModelHistory.Run(firstLine: 200, bytes: [UInt8](repeating: 0xee, count: 64)))
        var history = ModelHistory(seed: 33)
        let change = try ArchiveChange(archive.folder)
        var appender = try change.append(history.header(.changes))
        try ModelHistory.write(wrong, to: &appender)
        let segment = try appender.commit()
        _ = history.advance()
        let (restorer, target) = TestArchive.restorer(archive.folder)
        let error = #expect(throws: ArchiveError.self) {
            try restorer.restore(to: "/restored", at: .newest)
        }
        let commit = segment.after.commitNumber
        #expect(error == .differentState(path: segment.path, commit: commit))
        #expect(target()?.isAbandoned == true)
        #expect(target()?.isFinished == false)
        let findings = try restorer.verify(scratch: "/scratch")
        #expect(findings.problems == [.differentState(path: segment.path, commit: commit)])
    }

    /// A segment is removed by another process while its name is in use.
    @Test func readersGoOnWhenSegmentsAreRemoved() throws {
        let archive = try Self.archive()
        let plain = archive.disk
        let tapped = TappedDisk(plain)
        let folder = ArchiveFolder(TestArchive.path, disk: tapped)
        let newest = archive.history.place.commitNumber
        let opened = Counter()
        tapped.tap = { call throws(SystemError) in
            guard call.operation == .open, call.path.contains("base-") else { return }
            // Once for the catalogue, then to restore it.
            opened.count += 1
            guard opened.count == 2 else { return }
            let change = try! ArchiveChange(ArchiveFolder(TestArchive.path, disk: plain))
            _ = try! ArchivePruner(change).prune(
                Retention(segments: 2), now: 0, isForced: true)
            change.end()
        }
        let (restorer, target) = TestArchive.restorer(folder)
        try restorer.restore(to: "/restored", at: .newest)
        let bytes = try #require(target()).bytes
        #expect(bytes.isSame(as: archive.history.states[newest]!))
        #expect(opened.count > 2)
    }

    final class Counter: @unchecked Sendable {
        var count = 0
    }
}
