import HoldfastFormat
import HoldfastSystem

/// The folder of an archive: segments, each of which is written once and never changed.
///
/// A value; nothing is held open. Any thread, any number of processes: those that read need no
/// lock, and one at a time changes it (`ArchiveChange`).
package struct ArchiveFolder: Sendable {
    package let path: String
    package let disk: any Disk
    /// Permissions for new files, those of the heap; nil: only their owner may use them.
    package let rights: FileRights?

    package init(_ path: String, disk: any Disk = SystemDisk.shared, rights: FileRights? = nil) {
        // With a slash at its end, the folder of the path would be the folder itself.
        var path = path
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.disk = disk
        self.rights = rights
    }

    /// Creates the folder unless it is there, and makes its name durable.
    package func create() throws(ArchiveError) {
        try ArchiveError.passing { () throws(SystemError) in
            do throws(SystemError) { try disk.createFolder(path) } catch {
                guard error.errno == .fileExists else { throw error }
                _ = try disk.names(inFolder: path)
            }
            try disk.syncDirectory(of: path)
        }
    }

    func path(of name: String) -> String { path + "/" + name }

    /// The names of all files that are called segments, sorted; with those that no segment has.
    func names() throws(ArchiveError) -> (segments: [SegmentName], others: [String]) {
        let names = try ArchiveError.passing { () throws(SystemError) in
            try disk.names(inFolder: path)
        }
        var segments: [SegmentName] = []
        var others: [String] = []
        for name in names.sorted() where name.hasSuffix(SegmentName.suffix) {
            if let segment = SegmentName(name) {
                segments.append(segment)
            } else {
                others.append(name)
            }
        }
        return (segments, others)
    }

    /// Reads the header and the end of a segment, and checks that they fit its name.
    func segment(_ name: SegmentName) throws(ArchiveError) -> ArchivedSegment {
        let segment = try ArchivedSegment.read(path(of: name.text), disk: disk)
        guard segment.name == name else {
            throw .misnamedSegment(path: segment.path, rightName: segment.name.text)
        }
        return segment
    }

    /// The newest state in the archive: the end of the last whole segment of commits, or base. Nil
    /// if there is none. O(names).
    package func newest() throws(ArchiveError) -> ArchivedSegment? {
        let names = try names().segments.filter { $0.level ?? 0 == 0 }
        for name in names.sorted(by: { $0.last > $1.last }) {
            do { return try segment(name) } catch {
                switch error {
                case .damagedSegment, .misnamedSegment: continue
                default: throw error
                }
            }
        }
        return nil
    }

    /// Runs `body` with the catalogue; once more with a new one if a segment was gone that the
    /// catalogue had, because another process has merged or pruned meanwhile.
    func withCatalogue<R>(_ body: (ArchiveCatalogue) throws -> R) throws -> R {
        for _ in 0 ..< 2 {
            do { return try body(try ArchiveCatalogue(of: self)) } catch let error as ArchiveError {
                guard error.isOfMissingFile else { throw error }
            }
        }
        throw ArchiveError.changedMeanwhile(path: path)
    }
}
