import HoldfastFormat
import HoldfastSystem

/// A segment in its folder: its header and its end have been read, and fit its name. What is
/// between has not been looked at.
package struct ArchivedSegment: Equatable, Sendable {
    package let path: String
    package let header: SegmentHeader
    package let end: SegmentEnd
    /// Of the file.
    package let byteCount: Int

    package var before: HistoryPlace { header.before }
    package var after: HistoryPlace { end.state.place }
    package var name: SegmentName { SegmentName(header, to: after) }
    package var isBase: Bool { header.kind == .base }
    /// Whether every commit in it is a state of its own.
    package var hasAllCommits: Bool { header.kind == .changes && header.level == 0 }

    /// Reads the header and the end of a file. Its name is not looked at.
    static func read(_ path: String, disk: any Disk) throws(ArchiveError) -> ArchivedSegment {
        let (file, byteCount) = try ArchiveError.passing { () throws(SystemError) in
            let file = try disk.open(path, .readOnly)
            return (file, try file.facts().size)
        }
        defer { file.close() }
        func damage(_ what: String) -> ArchiveError { .damagedSegment(path: path, what: what) }
        func bytes(_ count: Int, at offset: Int) throws(ArchiveError) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let found = try ArchiveError.passing { () throws(SystemError) in
                try file.read(&bytes, at: offset)
            }
            return Array(bytes[..<found])
        }
        let first = try bytes(SegmentHeader.byteCount, at: 0)
        let header = try unsafe first.withUnsafeBytes { unsafe SegmentHeader.decode($0) }.header(
            path: path)
        guard byteCount >= SegmentHeader.byteCount + SegmentEnd.frameBytes else {
            throw damage("it is cut short")
        }
        let last = try bytes(SegmentEnd.frameBytes, at: byteCount - SegmentEnd.frameBytes)
        guard let end = unsafe last.withUnsafeBytes({ unsafe SegmentEnd.decode(frame: $0) }) else {
            throw damage("it has no end, or its end does not match its checksum")
        }
        let checksum = unsafe first.withUnsafeBytes { unsafe SegmentHeader.checksum($0) }
        let isAfter = header.kind == .base || end.state.place.isAfter(header.before)
        guard end.headerChecksum == checksum, isAfter else {
            throw damage("its end is that of another segment")
        }
        return ArchivedSegment(path: path, header: header, end: end, byteCount: byteCount)
    }

    /// Opens it, for `reader(of:)`: then it can be read even if its name is removed.
    func openFile(on disk: any Disk) throws(ArchiveError) -> any DiskFile {
        try ArchiveError.passing { () throws(SystemError) in try disk.open(path, .readOnly) }
    }

    /// Reads all of the opened file.
    func reader(of file: any DiskFile) throws(ArchiveError) -> SegmentReader {
        let reader = try SegmentReader(FileSource(file, named: path))
        // A file that was put in its place since the catalogue was read.
        guard reader.header == header else {
            throw .damagedSegment(path: path, what: "it is no longer the segment that it was")
        }
        return reader
    }

    /// Opens it and reads all of it.
    package func open(on disk: any Disk) throws(ArchiveError) -> SegmentReader {
        try reader(of: try openFile(on: disk))
    }
}
