import HoldfastFormat
import HoldfastSystem

/// Counts the contents of a heap and the space of its files; see `HeapStatistics`.
///
/// The caller has a read transaction open.
struct Census {
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation
    private let keepersKey: PageKeepers.Key

    init(_ heap: OpenHeap) {
        dataFile = heap.dataFile
        view = heap.view
        participation = heap.participation
        keepersKey = heap.checkpointer.keepersKey
    }

    /// O(runs of pages); reads only their descriptors and the headers of slabs.
    func figures() throws(HeapError) -> HeapStatistics {
        var figures = HeapStatistics(identity: dataFile.identity.description)
        figures.commits = Int(view.commitNumber)
        figures.heapBytes = Int(view.pagesInImage) * HeapLayout.pageBytes
        if let file = dataFile.file { try describeFiles(file, in: &figures) }
        try countPages(into: &figures)
        guard !participation.lifecycle.isForked else {
            throw HeapError.forked(path: dataFile.path)
        }
        try participation.requireNoFault()
        return figures
    }

    private func describeFiles(_ file: any DiskFile, in figures: inout HeapStatistics)
        throws(HeapError)
    {
        try dataFile.requireInPlace()
        let (header, fileBytes, _) = try dataFile.headerAndSize(of: file)
        figures.formatVersion = Int(header.formatVersion)
        figures.fileBytes = fileBytes
        figures.diskBytes = try dataFile.translating { () throws(SystemError) in
            try file.allocatedBytes()
        }
        figures.reservedBytes = Int(header.reservedBytes)
        figures.creationSeconds = Int(header.creationTime)
        figures.checkpointSeconds = Int(header.checkpointTime)
        let (applied, commit) = (Int(view.applied), Int(view.commitNumber))
        figures.logBytes = applied - min(applied, Int(header.checkpointPosition))
        figures.logCommits = commit - min(commit, Int(header.commitNumber))
        let own = participation.sharedMemory?.entryLocks
        figures.keptBytes = PageKeepers.shared.keptBytes(for: keepersKey)
        figures.otherOpenings = participation.openViews.filter { own?.isOwn($0.entry) != true }
        figures.condition = condition(file, header)
        guard figures.condition != .atRest else { return }
        for kind in Neighbours.Kind.allCases {
            let path = dataFile.neighbours.path(kind)
            guard let log = try? dataFile.disk.openBeside(path, .readOnly) else { continue }
            figures.logFileBytes += (try? log.size()) ?? 0
            log.close()
        }
    }

    private func condition(_ file: any DiskFile, _ header: HeapHeader) -> HeapStatistics.Condition {
        if dataFile.disk.isVolatile { return .inMemory }
        return switch participation.kind {
        case .lockedReader(let shared), .registered(let shared, _):
            shared[.epoch] == 0 ? .atRest : .inUse
        case .transientReader
        where header.logInUse && (try? file.isLockedByOthers(.presence)) == true: .inUse
        case .unregisteredReader, .solo, .transientReader: header.logInUse ? .notClosed : .atRest
        }
    }

    /// Trusts nothing that it reads.
    private func countPages(into figures: inout HeapStatistics) throws(HeapError) {
        let pages = view.readablePages
        var walk = PageWalk(base: view.image.base, end: pages)
        var usedBlocks = [Int](repeating: 0, count: SizeClass.count)
        var slabs = usedBlocks
        var freeRuns = [(count: Int, pages: Int)](repeating: (0, 0), count: 33)
        var slabPages = 0
        var end = 0
        var ahead = AscendingReads(view.image)
        while let run = walk.next() {
            ahead.reach(page: run.pages.lowerBound)
            end = run.pages.upperBound
            switch run.kind {
            case .free:
                let power = Int.bitWidth - 1 - run.pages.count.leadingZeroBitCount
                freeRuns[power].count += 1
                freeRuns[power].pages += run.pages.count
                figures.longestFreeRun = max(figures.longestFreeRun, run.pages.count)
                figures.freeBytes += run.pages.count * HeapLayout.pageBytes
            case .run:
                figures.usedBytes += run.pages.count * HeapLayout.pageBytes
                figures.usedBlocks += 1
            case .slab:
                guard
                    let header = SlabClass.header(
                        page: UInt64(run.pages.lowerBound), sizeClass: run.sizeClass,
                        in: view.image.base
                    )
                else {
                    throw HeapError.damaged(
                        path: dataFile.path,
                        what: "page \(run.pages.lowerBound) should begin a slab and does not")
                }
                let blocks = SizeClass.shapes[Int(header.sizeClass)].blocks
                slabs[Int(header.sizeClass)] += 1
                usedBlocks[Int(header.sizeClass)] += blocks - min(blocks, Int(header.freeBlocks))
                slabPages += run.pages.count
            default: figures.overheadBytes += run.pages.count * HeapLayout.pageBytes
            }
        }
        guard !walk.isBroken, end == Int(pages) else {
            throw HeapError.damaged(
                path: dataFile.path, what: "its account of pages ends at page \(end)")
        }
        figures.overheadBytes += slabPages * HeapLayout.pageBytes
        for index in 0 ..< SizeClass.count where slabs[index] > 0 {
            let shape = SizeClass.shapes[index]
            let all = slabs[index] * shape.blocks
            let found = HeapStatistics.BlockClass(
                blockBytes: shape.blockBytes, slabs: slabs[index], usedBlocks: usedBlocks[index],
                freeBlocks: all - usedBlocks[index])
            figures.blockClasses.append(found)
            figures.usedBlocks += found.usedBlocks
            figures.usedBytes += found.usedBlocks * shape.blockBytes
            figures.freeBytes += found.freeBytes
            figures.overheadBytes -= all * shape.blockBytes
        }
        for (power, runs) in freeRuns.enumerated() where runs.count > 0 {
            figures.freeRuns.append(
                .init(pageCounts: 1 << power ..< 2 << power, count: runs.count, pages: runs.pages))
        }
        figures.freeTailBytes = max(0, figures.fileBytes - figures.heapBytes)
        figures.freeBytes += figures.freeTailBytes
    }
}
