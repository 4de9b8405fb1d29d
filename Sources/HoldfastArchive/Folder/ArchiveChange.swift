import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// The right to change an archive: holds the folder's lock, and has removed what a process left
/// that died while it had it. Released with the object, or by `end`.
///
/// One thread at a time.
package final class ArchiveChange {
    package let folder: ArchiveFolder
    private let lockFile: any DiskFile
    private static let lockName = "lock"
    private static let lock = FileLock(slot: 0)

    /// Takes the lock, or throws `busy`. The folder must be there.
    package init(_ folder: ArchiveFolder) throws(ArchiveError) {
        self.folder = folder
        let path = folder.path(of: Self.lockName)
        // A disk may create files in a folder that does not exist.
        _ = try folder.names()
        lockFile = try ArchiveError.passing { () throws(SystemError) in
            let file = try folder.disk.openBeside(
                path, .createOrKeep(isPrivate: folder.rights == nil))
            if let rights = folder.rights, try file.size() == 0 { file.take(rights) }
            return file
        }
        let isHeld = try ArchiveError.passing { () throws(SystemError) in
            try lockFile.tryLock(Self.lock, exclusive: true)
        }
        guard isHeld else { throw .busy(path: folder.path) }
        try ArchiveError.passing { () throws(SystemError) in
            try clearWorkingName()
            // A process may have died between the name of its segment and this: who sees the name
            // relies on it from now on.
            try folder.disk.syncDirectory(of: path)
        }
    }

    deinit { end() }

    /// Releases the lock.
    package func end() { lockFile.close() }

    /// Only who has the lock writes a segment, so one name is enough.
    private var workingPath: String {
        WorkingName.path(for: folder.path(of: "segment"), suffix: "-new")
    }

    private func clearWorkingName() throws(SystemError) {
        try unsafe WorkingName.clear(
            workingPath, disk: folder.disk, headersAt: [0], SegmentHeader.mayBegin)
    }

    /// Begins a segment of commits, or a base. A segment must continue from the newest state, and a
    /// base must not be older than that. Nothing is to be seen of it before `commit`.
    package func append(_ header: SegmentHeader) throws(ArchiveError) -> SegmentAppender {
        let newest = try folder.newest()
        if let newest, newest.header.identity != header.identity {
            throw .foreignSegment(
                path: newest.path, identity: newest.header.identity.description,
                expected: header.identity.description)
        }
        if header.kind == .changes, newest?.after != header.before {
            throw .notContinuous(
                path: folder.path, newest: newest?.after.commitNumber ?? 0,
                found: header.before.commitNumber)
        }
        return try makeSegment(header, notBefore: header.kind == .base ? newest?.after : nil)
    }

    /// Begins a segment of any kind; a base must lead to `notBefore` or a later place.
    func makeSegment(
        _ header: SegmentHeader, notBefore: HistoryPlace? = nil
    ) throws(ArchiveError) -> SegmentAppender {
        let path = workingPath
        let file = try ArchiveError.passing { () throws(SystemError) in
            try clearWorkingName()
            let file = try folder.disk.open(path, .createNew(isPrivate: true))
            if let rights = folder.rights { file.take(rights) }
            return file
        }
        return try SegmentAppender(file, header, of: self, notBefore: notBefore)
    }
}

/// A segment that is being written in its folder, under its working name. One thread at a time.
package final class SegmentAppender: HistoryVisitor {
    private let file: any DiskFile
    private let sink: FileSink
    private let header: SegmentHeader
    private let change: ArchiveChange
    private let notBefore: HistoryPlace?
    private var writer: SegmentWriter
    private var isDone = false

    fileprivate init(
        _ file: any DiskFile, _ header: SegmentHeader, of change: ArchiveChange,
        notBefore: HistoryPlace?
    ) throws(ArchiveError) {
        self.file = file
        self.header = header
        self.change = change
        self.notBefore = notBefore
        sink = FileSink(file)
        writer = try SegmentWriter(header, to: sink)
    }

    deinit { cancel() }

    package func zero(pages: Range<Int>) throws(ArchiveError) { try writer.zero(pages: pages) }

    package func beginCommit(_ place: HistoryPlace, heapPages: UInt64) throws(ArchiveError) {
        try writer.beginCommit(place, heapPages: heapPages)
    }

    package func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws(ArchiveError) {
        unsafe try writer.run(firstLine: firstLine, lines)
    }

    package func endInterval(_ end: IntervalEnd) throws(ArchiveError) {
        try writer.endInterval(end)
    }

    /// Completes the segment and gives it its name. When it returns, the segment is durable.
    package func commit() throws(ArchiveError) -> ArchivedSegment {
        let end = try writer.finish()
        let folder = change.folder
        let place = end.state.place
        if let notBefore, place != notBefore, !place.isAfter(notBefore) {
            throw .notContinuous(
                path: folder.path, newest: notBefore.commitNumber, found: place.commitNumber)
        }
        let path = folder.path(of: SegmentName(header, to: place).text)
        let working = file.path
        do throws(SystemError) {
            try file.sync()
            try folder.disk.renameWithoutReplacing(working, to: path)
            isDone = true
            file.close()
            try folder.disk.syncDirectory(of: path)
        } catch {
            if error.errno == .fileExists { throw .alreadyExists(path: path) }
            throw .system(error)
        }
        return ArchivedSegment(path: path, header: header, end: end, byteCount: sink.byteCount)
    }

    /// Gives the segment up, unless it is complete.
    package func cancel() {
        guard !isDone else { return }
        isDone = true
        file.close()
        try? change.folder.disk.remove(file.path)
    }
}
