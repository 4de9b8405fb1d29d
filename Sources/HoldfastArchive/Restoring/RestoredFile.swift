import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// A heap file that is being restored. It appears at its path when it is complete and durable.
final class RestoredFile: RestorationTarget {
    private var restoration: HeapRestoration?
    /// Whether the heap is to follow the archive.
    private let follows: Bool

    init(_ request: RestorationRequest, follows: Bool, on disk: any Disk) throws(HeapError) {
        self.follows = follows
        let header = request.base.header
        restoration = try HeapRestoration(
            path: request.path, replacing: request.replacing, hashSeed: header.hashSeed,
            creationTime: header.heapCreationTime,
            rights: Self.rights(of: request.base.path, on: disk),
            disk: disk)
    }

    /// The permissions of a segment: a private heap has private segments, and stays private.
    private static func rights(of path: String, on disk: any Disk) -> FileRights? {
        guard let file = try? disk.open(path, .readOnly) else { return nil }
        defer { file.close() }
        return (try? file.rights()) ?? nil
    }

    func zero(pages: Range<Int>) throws { try restoration?.zero(pages: pages) }

    func lay(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws {
        unsafe try restoration?.lay(firstLine: firstLine, lines)
    }

    func settle(at place: HistoryPlace, heapPages: UInt64, wantsSum: Bool) throws -> UInt64? {
        try restoration?.settle(at: place, heapPages: heapPages)
    }

    func finish(_ heap: RestoredHeap) throws {
        try restoration?.finish(
            time: heap.state.time, following: follows ? heap.identity : nil)
        restoration = nil
    }

    func abandon() { restoration = nil }
}

extension ArchiveRestorer {
    /// A restorer that writes heap files. `follows`: whether the heaps are to follow the archive.
    package init(_ folder: ArchiveFolder, follows: Bool = false) {
        self.init(folder) { try RestoredFile($0, follows: follows, on: folder.disk) }
    }
}
