import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// A heap file that is being restored. It appears at its path when it is complete and durable.
final class RestoredFile: RestorationTarget {
    private var restoration: HeapRestoration?

    init(_ request: RestorationRequest, on disk: any Disk) throws(HeapError) {
        let header = request.base.header
        restoration = try HeapRestoration(
            path: request.path, replacing: request.replacing, hashSeed: header.hashSeed,
            creationTime: header.heapCreationTime, disk: disk)
    }

    func zero(pages: Range<Int>) throws { try restoration?.zero(pages: pages) }

    func lay(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws {
        unsafe try restoration?.lay(firstLine: firstLine, lines)
    }

    func settle(at place: HistoryPlace, heapPages: UInt64, wantsSum: Bool) throws -> UInt64? {
        try restoration?.settle(at: place, heapPages: heapPages)
    }

    func finish(_ heap: RestoredHeap) throws {
        try restoration?.finish(time: heap.state.time)
        restoration = nil
    }

    func abandon() { restoration = nil }
}

extension ArchiveRestorer {
    /// A restorer that writes heap files.
    package init(_ folder: ArchiveFolder) {
        self.init(folder) { try RestoredFile($0, on: folder.disk) }
    }
}
