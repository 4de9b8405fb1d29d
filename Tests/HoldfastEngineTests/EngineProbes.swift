import HoldfastFormat
import HoldfastSystem
import TestSupport

@testable import HoldfastEngine

// Short names for the parts of an opening that tests inspect.
extension HeapEngine {
    var disk: any Disk { heap.dataFile.disk }
    var file: (any DiskFile)? { heap.dataFile.file }
    var isFileWritable: Bool { heap.dataFile.isWritable }
    var isClosed: Bool { heap.lifecycle.isClosed }
    var image: HeapImage { view.image }
    var applied: UInt64 { view.applied }
    var viewPosition: UInt64 { view.position }
    var commitNumber: UInt64 { view.commitNumber }
    var committedPages: UInt64 { view.committedPages }
    var pagesInImage: UInt64 { view.pagesInImage }
    /// What each page of the last commit is used for.
    var pageKinds: [PageDescriptor.Kind] {
        var kinds = [PageDescriptor.Kind](repeating: .none, count: Int(committedPages))
        for run in PageWalk(base: image.base, end: committedPages) {
            for page in run.pages { kinds[page] = run.kind }
        }
        return kinds
    }
    var dirty: DirtyTracker { view.dirty }
    var shared: SharedMemory? { heap.participation.shared }
    var readerEntry: Int? { heap.participation.fast.entry }
    var writerLog: RedoLog? { heap.log.joined }
    var policy: CheckpointPolicy { heap.checkpointer.policy }

    func readHeader(_ file: any DiskFile) throws(HeapError) -> HeapHeader {
        try heap.dataFile.readHeader(file)
    }

    func moveLogIntoDataFile(waits: Bool) throws(HeapError) -> Bool {
        try heap.checkpointer.moveLogIntoDataFile(waits: waits)
    }
}
