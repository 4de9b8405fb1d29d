import HoldfastFormat
import HoldfastSystem

/// Makes heap files of an archive's states.
///
/// Takes no lock: other processes may add to the archive, merge and prune meanwhile. Any thread.
package struct ArchiveRestorer {
    package typealias Progress = (ArchiveProgress) throws -> Void

    /// The most segments that are open at once.
    private static let openFiles = 128

    package let folder: ArchiveFolder
    private let makeTarget: (RestorationRequest) throws -> any RestorationTarget

    /// `makeTarget` begins the file that a restoration writes.
    package init(
        _ folder: ArchiveFolder,
        _ makeTarget: @escaping (RestorationRequest) throws -> any RestorationTarget
    ) {
        self.folder = folder
        self.makeTarget = makeTarget
    }

    /// Restores the state of a moment to a file at `path`. Returns the state: if commits were
    /// archived together, that of the last one at or before the moment.
    ///
    /// O(bytes of the plan's segments), which are those of the base and of at most seven segments
    /// of each level, twice. Memory: one frame. Throws `ArchiveError`, errors of the target, and
    /// those of `progress`, which may throw to cancel; nothing is left at `path` then.
    @discardableResult
    package func restore(
        to path: String, at moment: RestorationMoment, replacing: Bool = false,
        usesMerged: Bool = true, progress: Progress? = nil
    ) throws -> RestoredHeap {
        try folder.withCatalogue { catalogue in
            let commit = try folder.commit(of: moment, in: catalogue)
            let plan = try catalogue.plan(to: commit, usesMerged: usesMerged)
            return try restore(plan, to: path, replacing, progress)
        }
    }

    /// Opens the segments first, so that they can be read even if they are removed meanwhile; if
    /// they are very many, because nothing was ever merged, each when it is needed.
    private func restore(
        _ plan: ArchivePlan, to path: String, _ replacing: Bool, _ progress: Progress?
    ) throws -> RestoredHeap {
        let segments = plan.segments
        let areFew = segments.count <= Self.openFiles
        let files = areFew ? try segments.map { try $0.openFile(on: folder.disk) } : []
        func reader(_ index: Int) throws -> SegmentReader {
            try segments[index].reader(
                of: areFew ? files[index] : try segments[index].openFile(on: folder.disk))
        }
        let target = try makeTarget(
            RestorationRequest(path: path, replacing: replacing, base: plan.base))
        var replay = SegmentReplay(
            target, report: ArchiveProgress.counting(plan.byteCount, progress))
        do {
            for index in 0 ... plan.steps.count {
                var reader = try reader(index)
                try replay.lay(&reader)
            }
            if plan.partial != nil {
                try replay.lay(upTo: plan.target) { try reader(plan.steps.count + 1) }
            }
            let heap = RestoredHeap(plan.base.header, replay.state!)
            try replay.target.finish(heap)
            return heap
        } catch {
            replay.target.abandon()
            throw error
        }
    }

    func target(_ request: RestorationRequest) throws -> any RestorationTarget {
        try makeTarget(request)
    }
}

/// The file that a restoration is to write.
package struct RestorationRequest {
    package var path: String
    /// Whether a file at the path is replaced; otherwise it is an error.
    package var replacing: Bool
    /// The segment that comes first.
    package var base: ArchivedSegment
}
