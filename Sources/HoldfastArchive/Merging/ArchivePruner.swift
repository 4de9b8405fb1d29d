import HoldfastFormat
import HoldfastSystem

/// Removes from an archive what is older than is to be kept: what came before is folded into a new
/// base, and then the segments and bases that only older moments need are removed.
package struct ArchivePruner {
    private let change: ArchiveChange
    private let memoryBytes: Int
    private var folder: ArchiveFolder { change.folder }

    package init(_ change: ArchiveChange, memoryBytes: Int? = nil) {
        self.change = change
        self.memoryBytes = memoryBytes ?? SegmentMerge.memoryBytes
    }

    package struct Report: Sendable {
        /// The base that has been written, if one was needed.
        package var base: ArchivedSegment?
        /// The names of the files that have been removed.
        package var removed: [String] = []
        package var removedBytes = 0
    }

    /// Prunes the archive if it pays: a new base is written only if segments of at least half its
    /// predecessor's bytes can then be removed, or if `isForced`.
    ///
    /// `now` is in seconds since 1970. O(bytes of the segments up to the oldest moment that is
    /// kept), if a base is written, otherwise O(segments). Nothing is removed before the new base
    /// is durable; a process that dies meanwhile leaves what a later call removes.
    package func prune(
        _ retention: Retention, now: UInt64, isForced: Bool,
        progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws -> Report {
        var report = Report()
        let catalogue = try ArchiveCatalogue(of: folder)
        guard let horizon = Self.horizon(retention, now: now, in: catalogue) else { return report }
        // What only older moments need.
        let superfluous = catalogue.segments.filter {
            $0.after.commitNumber < horizon.commitNumber
                || !$0.isBase && $0.before.commitNumber < horizon.commitNumber
        }
        if !catalogue.bases.contains(where: { $0.after == horizon }) {
            let plan = try catalogue.plan(to: horizon.commitNumber)
            guard plan.partial == nil, plan.place == horizon else {
                throw ArchiveError.missingSegment(
                    path: folder.path, after: plan.place.commitNumber)
            }
            let bytes = superfluous.reduce(0) { $0 + ($1 == plan.base ? 0 : $1.byteCount) }
            guard isForced || bytes >= plan.base.byteCount / 2 else { return report }
            report.base = try fold(plan, progress)
        }
        let names = superfluous.map(\.name) + damagedNames(before: horizon, catalogue)
        try remove(names, superfluous, &report)
        return report
    }

    /// The oldest state that is kept; nil if all are.
    private static func horizon(
        _ retention: Retention, now: UInt64, in catalogue: ArchiveCatalogue
    ) -> HistoryPlace? {
        var horizons: [HistoryPlace] = []
        // What a power cut has left of segments that were being removed is no state.
        let reachable = catalogue.reachable
        if let age = retention.age {
            let seconds = UInt64(max(age.components.seconds, 0))
            let time = now > seconds ? now - seconds : 0
            let states = reachable.filter { $0.isBase || $0.hasAllCommits }
            guard let last = states.last(where: { $0.end.state.time <= time }) else { return nil }
            horizons.append(last.after)
        }
        if let count = retention.segments {
            let segments = reachable.filter(\.hasAllCommits)
            guard segments.count > max(count, 0) else { return nil }
            horizons.append(
                count > 0 ? segments[segments.count - count].before : segments.last!.after)
        }
        return horizons.min { $0.commitNumber < $1.commitNumber }
    }

    /// Writes the base of the state that a plan leads to.
    private func fold(
        _ plan: ArchivePlan, _ progress: ((ArchiveProgress) throws -> Void)?
    ) throws -> ArchivedSegment {
        let merge = SegmentMerge(
            plan.segments, of: folder, memoryBytes: memoryBytes,
            report: ArchiveProgress.counting(plan.byteCount, progress))
        let output = try change.makeSegment(merge.header(level: 0))
        try merge.write(to: output)
        return try output.commit()
    }

    /// Segments that cannot be used and would lead to the horizon or less.
    private func damagedNames(
        before horizon: HistoryPlace, _ catalogue: ArchiveCatalogue
    ) -> [SegmentName] {
        catalogue.damagedNames.filter { $0.last <= horizon.commitNumber }
    }

    /// Removes segments, the newest first, so that what is left of the older past, if this process
    /// dies, is a base and segments that continue from it.
    private func remove(
        _ names: [SegmentName], _ segments: [ArchivedSegment], _ report: inout Report
    ) throws(ArchiveError) {
        guard !names.isEmpty else { return }
        // Of segments that lead to the same commit, merged ones first, and a base last.
        let ordered = names.sorted {
            ($0.last, $0.level.map { Int($0) } ?? -1) > ($1.last, $1.level.map { Int($0) } ?? -1)
        }
        report.removedBytes = segments.reduce(0) { $0 + $1.byteCount }
        for name in ordered {
            try ArchiveError.passing { () throws(SystemError) in
                try folder.disk.remove(folder.path(of: name.text))
            }
            report.removed.append(name.text)
        }
        try ArchiveError.passing { () throws(SystemError) in
            try folder.disk.syncDirectory(of: folder.path(of: ordered[0].text))
        }
    }
}
