import HoldfastFormat
import HoldfastSystem

/// Merges the segments of an archive, so that few of them lead to any moment: eight of a level that
/// follow each other make one of the next. The merged ones stay, for the moments between.
package struct ArchiveMerger {
    /// How many segments make one of the next level.
    package static let width = 8

    private let change: ArchiveChange
    private let memoryBytes: Int

    package init(_ change: ArchiveChange, memoryBytes: Int? = nil) {
        self.change = change
        self.memoryBytes = memoryBytes ?? SegmentMerge.memoryBytes
    }

    /// What has been merged, and what could not be: an archive works without it.
    package struct Report: Sendable {
        package var merged: [ArchivedSegment] = []
        package var problems: [ArchiveError] = []
    }

    /// Writes all merged segments that are due. A segment that is damaged is left out, with those
    /// that would be merged with it.
    ///
    /// O(bytes of these segments), if the lines of eight segments of level 0 fit in 64 MiB; see
    /// `SegmentMerge`. Throws errors of the disk, and what `progress` throws to cancel it.
    package func mergeDue(
        progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws -> Report {
        var report = Report()
        var unusable: Set<SegmentName> = []
        while let group = try nextGroup(without: unusable) {
            do {
                report.merged.append(try merge(group, progress))
            } catch let error as ArchiveError {
                guard let flawed = Self.flawed(error, among: group, change.folder) else {
                    throw error
                }
                unusable.insert(flawed)
                report.problems.append(error)
            }
        }
        return report
    }

    /// The segment of a group that an error is about.
    private static func flawed(
        _ error: ArchiveError, among group: [SegmentName], _ folder: ArchiveFolder
    ) -> SegmentName? {
        switch error {
        case .damagedSegment(let path, _), .foreignSegment(let path, _, _),
            .misnamedSegment(let path, _), .newerFormat(let path, _, _),
            .unknownFeatures(let path, _), .unusable(let path, _), .alreadyExists(let path):
            group.first { folder.path(of: $0.text) == path } ?? group[0]
        case .missingSegment(_, let commit): group.first { $0.before == commit }
        default: nil
        }
    }

    /// Eight segments that can be merged, of the lowest level that has them.
    private func nextGroup(without unusable: Set<SegmentName>) throws(ArchiveError)
        -> [SegmentName]?
    {
        let names = try change.folder.names().segments
        let levels = Dictionary(grouping: names.filter { $0.level != nil }) { $0.level! }
        for level in levels.keys.sorted() where level < SegmentHeader.maximumLevel {
            let above = levels[level + 1, default: []].sorted { $0.last < $1.last }
            var group: [SegmentName] = []
            var next = 0
            for name in levels[level]!.sorted(by: { $0.last < $1.last }) {
                while next < above.count, above[next].last < name.last { next += 1 }
                let isCovered = next < above.count && above[next].before! <= name.before!
                if isCovered || unusable.contains(name) {
                    group = []
                    continue
                }
                if let last = group.last, last.last != name.before { group = [] }
                group.append(name)
                if group.count == Self.width { return group }
            }
        }
        return nil
    }

    private func merge(
        _ names: [SegmentName], _ progress: ((ArchiveProgress) throws -> Void)?
    ) throws -> ArchivedSegment {
        let folder = change.folder
        var inputs: [ArchivedSegment] = []
        for name in names {
            let input = try folder.segment(name)
            if let last = inputs.last {
                guard input.header.identity == last.header.identity else {
                    throw ArchiveError.foreignSegment(
                        path: input.path, identity: input.header.identity.description,
                        expected: last.header.identity.description)
                }
                guard input.before == last.after else {
                    throw ArchiveError.missingSegment(
                        path: folder.path, after: last.after.commitNumber)
                }
            }
            inputs.append(input)
        }
        let total = inputs.reduce(0) { $0 + $1.byteCount }
        let merge = SegmentMerge(
            inputs, of: folder, memoryBytes: memoryBytes,
            report: ArchiveProgress.counting(total, progress))
        let output = try change.makeSegment(merge.header(level: names[0].level! + 1))
        try merge.write(to: output)
        return try output.commit()
    }
}
