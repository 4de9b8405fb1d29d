import HoldfastArchive
import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@Suite struct ArchiveFolderTests {
    @Test func everyCommitIsRestored() throws {
        var archive = try TestArchive(seed: 1)
        try archive.appendBase()
        for index in 0 ..< 20 { try archive.append(intervals: index % 3 + 1) }
        let newest = archive.history.place.commitNumber
        #expect(try archive.wrongCommits(0 ... newest).isEmpty)
        let heap = try archive.restored(.newest).heap
        #expect(heap.state == archive.history.end)
        #expect(heap.identity == ModelHistory.identity)
        #expect(heap.hashSeed == ModelHistory.hashSeed)
        #expect(heap.heapCreationTime == 77)
    }

    @Test func namesTellTheContents() throws {
        var archive = try TestArchive(seed: 2)
        let base = try archive.appendBase()
        #expect(base.path == TestArchive.path + "/base-0000000000000000.segment")
        let segment = try archive.append()
        let last = String(archive.history.place.commitNumber, radix: 16)
        let name = "00-0000000000000001-000000000000000\(last).segment"
        #expect(segment.path == TestArchive.path + "/" + name)
        let names = [
            "base-0000000000000000.segment", "00-0000000000000001-0000000000000002.segment",
        ]
        #expect(names.compactMap { SegmentName($0)?.text } == names)
        let others = [
            "base-00000000000000.segment", "00-0000000000000002-0000000000000001.segment",
            "base-000000000000000A.segment", "base-+00000000000000a.segment", "base.segment",
            "00-0000000000000000-0000000000000001.segment", "-0000000000000000.segment", "",
            "base-0000000000000000.segment.segment", "base-0000000000000000",
        ]
        #expect(others.compactMap { SegmentName($0) }.isEmpty)
    }

    @Test func momentsAreFoundByTime() throws {
        var archive = try TestArchive(seed: 3)
        try archive.appendBase()
        for index in 0 ..< 8 { try archive.append(intervals: index % 4 + 1) }
        let ends = archive.history.ends.values.sorted {
            $0.place.commitNumber < $1.place.commitNumber
        }
        for (index, end) in ends.enumerated() {
            #expect(try archive.restored(.time(end.time)).heap.state.place == end.place)
            if index + 1 < ends.count {
                let before = try archive.restored(.time(ends[index + 1].time - 1))
                #expect(before.heap.state.place == end.place)
            }
        }
        let error = #expect(throws: ArchiveError.self) { try archive.restored(.time(5)) }
        guard case .momentNotFound = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func whatDoesNotContinueIsRefused() throws {
        var archive = try TestArchive(seed: 4)
        func refusal(_ body: () throws -> Void) -> ArchiveError? {
            #expect(throws: ArchiveError.self) { try body() }
        }
        let header = archive.history.header(.changes)
        let first = refusal { _ = try ArchiveChange(archive.folder).append(header) }
        #expect(first == .notContinuous(path: TestArchive.path, newest: 0, found: 0))
        try archive.appendBase()
        try archive.append()
        let newest = archive.history.place.commitNumber
        let again = refusal { _ = try ArchiveChange(archive.folder).append(header) }
        #expect(again == .notContinuous(path: TestArchive.path, newest: newest, found: 0))
        var foreign = archive.history.header(.changes)
        foreign.identity.low = 1
        let other = refusal { _ = try ArchiveChange(archive.folder).append(foreign) }
        guard case .foreignSegment = other else {
            Issue.record("\(String(describing: other))")
            return
        }
        // A base that is older than the archive.
        let old = ModelHistory(seed: 4)
        let older = refusal {
            var appender = try ArchiveChange(archive.folder).append(old.header(.base))
            try old.writeBase(to: &appender)
            _ = try appender.commit()
        }
        #expect(older == .notContinuous(path: TestArchive.path, newest: newest, found: 0))
    }

    /// After a gap the archive starts over, and both parts can be restored.
    @Test func archivesStartOverAfterGaps() throws {
        var archive = try TestArchive(seed: 5)
        try archive.appendBase()
        for _ in 0 ..< 5 { try archive.append() }
        let end = archive.history.place.commitNumber
        _ = archive.history.advance()
        _ = archive.history.advance()
        try archive.appendBase()
        let restart = archive.history.place.commitNumber
        for _ in 0 ..< 5 { try archive.append() }
        let newest = archive.history.place.commitNumber
        #expect(try archive.wrongCommits(0 ... end).isEmpty)
        #expect(try archive.wrongCommits(restart ... newest).isEmpty)
        let error = #expect(throws: ArchiveError.self) {
            try archive.restored(.commit(restart - 1))
        }
        #expect(error == .missingSegment(path: TestArchive.path, after: end))
    }

    @Test func onlyOneChangesTheArchive() throws {
        let archive = try TestArchive(seed: 6)
        let change = try ArchiveChange(archive.folder)
        let error = #expect(throws: ArchiveError.self) { _ = try ArchiveChange(archive.folder) }
        #expect(error == .busy(path: TestArchive.path))
        change.end()
        _ = try ArchiveChange(archive.folder)
    }

    @Test func leftoversAreRemoved() throws {
        var archive = try TestArchive(seed: 7)
        try archive.appendBase()
        let before = archive.disk.currentFiles().count
        let disk: SimulatedDisk
        do {
            let change = try ArchiveChange(archive.folder)
            var appender = try change.append(archive.history.header(.changes))
            try ModelHistory.write(archive.history.advance(), to: &appender)
            disk = SimulatedDisk(afterKillOf: archive.disk)
        }
        #expect(archive.disk.currentFiles().count == before)
        #expect(disk.currentFiles().count == before + 1)
        let killed = TestArchive(archive, on: disk)
        _ = try ArchiveChange(killed.folder)
        #expect(disk.currentFiles().count == before)
    }

    @Test func missingArchivesAreReported() throws {
        let disk = SimulatedDisk()
        let folder = ArchiveFolder("/disk/none", disk: disk)
        let error = #expect(throws: ArchiveError.self) { _ = try ArchiveCatalogue(of: folder) }
        #expect(error == .notFound(path: "/disk/none"))
        let change = #expect(throws: ArchiveError.self) { _ = try ArchiveChange(folder) }
        #expect(change == .notFound(path: "/disk/none"))
        let archive = try TestArchive(seed: 8)
        let empty = #expect(throws: ArchiveError.self) { try archive.restored(.newest) }
        #expect(empty == .noBase(path: TestArchive.path))
    }

    /// Neither a base nor a segment replaces another file.
    @Test func nothingIsReplaced() throws {
        var archive = try TestArchive(seed: 10)
        try archive.appendBase()
        let next = TestArchive.path + "/00-0000000000000001-00000000000000ff.segment"
        var history = archive.history
        while history.place.commitNumber < 255 { _ = history.advance() }
        let error = #expect(throws: ArchiveError.self) { try archive.appendBase() }
        let base = TestArchive.path + "/base-0000000000000000.segment"
        #expect(error == .alreadyExists(path: base))
        let before = archive.disk.currentFiles()
        let file = try archive.disk.open(next, .createNew(isPrivate: false))
        file.close()
        #expect(try archive.folder.newest()?.path == base)
        try archive.append()
        #expect(before[base] == archive.disk.currentFiles()[base])
        #expect(archive.disk.currentFiles()[next] == [])
    }

    /// The files of an archive can be used by those who may use the heap, and by nobody else.
    @Test func filesHaveTheRightsOfTheHeap() throws {
        let temporary = try TemporaryFolder()
        let history = ModelHistory(seed: 11)
        let own = try SystemDisk.shared.open(temporary.path + "/heap", .createNew(isPrivate: true))
        var rights = try #require(try own.rights())
        for mode in [nil, 0o640] as [UInt32?] {
            rights.mode = mode ?? 0o600
            let folder = ArchiveFolder(
                temporary.path + "/archive\(rights.mode)/", rights: mode.map { _ in rights })
            try folder.create()
            let change = try ArchiveChange(folder)
            var base = try change.append(history.header(.base))
            try history.writeBase(to: &base)
            let path = try base.commit().path
            let file = try SystemDisk.shared.open(path, .readOnly)
            #expect(try file.rights()?.mode == rights.mode)
            let lock = try SystemDisk.shared.open(folder.path + "/lock", .readOnly)
            #expect(try lock.rights()?.mode == rights.mode)
        }
    }

    @Test func foldersAreListedOnEveryDisk() throws {
        let temporary = try TemporaryFolder()
        let simulated = SimulatedDisk()
        let disks: [(any Disk, String)] = [
            (SystemDisk.shared, temporary.path),
            (simulated, "/disk"),
            (MemoryDisk(named: "heap", diskOfCopies: SystemDisk.shared), "/memory"),
        ]
        for (disk, place) in disks {
            let folder = place + "/folder"
            let missing = #expect(throws: SystemError.self) {
                _ = try disk.names(inFolder: folder)
            }
            #expect(missing == SystemError(.list, folder, .noSuchFileOrDirectory))
            try disk.createFolder(folder)
            #expect(try disk.names(inFolder: folder) == [])
            let again = #expect(throws: SystemError.self) { try disk.createFolder(folder) }
            #expect(again == SystemError(.createFolder, folder, .fileExists))
            for name in ["b", "a", "ä\n"] {
                try disk.open(folder + "/" + name, .createNew(isPrivate: false)).close()
            }
            #expect(try disk.names(inFolder: folder).sorted() == ["a", "b", "ä\n"])
            try disk.remove(folder + "/a")
            #expect(try disk.names(inFolder: folder).sorted() == ["b", "ä\n"])
            #expect(try disk.names(inFolder: place).contains("folder"))
        }
    }

    /// On the system's disk, in a folder that has other files too.
    @Test func realFoldersWork() throws {
        let temporary = try TemporaryFolder()
        let folder = ArchiveFolder(temporary.path + "/archive")
        try folder.create()
        try folder.create()
        var history = ModelHistory(seed: 9)
        let change = try ArchiveChange(folder)
        var base = try change.append(history.header(.base))
        try history.writeBase(to: &base)
        _ = try base.commit()
        var segment = try change.append(history.header(.changes))
        try ModelHistory.write(history.advance(), to: &segment)
        _ = try segment.commit()
        let catalogue = try ArchiveCatalogue(of: folder)
        #expect(catalogue.segments.count == 2)
        #expect(catalogue.problems.isEmpty)
        let (restorer, target) = TestArchive.restorer(folder)
        let heap = try restorer.restore(to: "", at: .newest)
        #expect(heap.state == history.end)
        let bytes = try #require(target()).bytes
        #expect(bytes.isSame(as: history.file))
    }
}
