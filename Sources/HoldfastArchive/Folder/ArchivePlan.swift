import HoldfastFormat
import HoldfastSystem

/// The segments that lead to a moment: a base, those that reach furthest from there without passing
/// the moment, and at the end perhaps one of which only the first commits are needed.
///
/// With merged segments of every level, there are at most seven of a level on the way up, and seven
/// on the way down: a moment is reached from some dozen files however long the history is.
package struct ArchivePlan: Equatable, Sendable {
    package var base: ArchivedSegment
    package var steps: [ArchivedSegment] = []
    /// The segment that holds the target between others.
    package var partial: ArchivedSegment?
    /// The number of the commit to stop after.
    package var target: UInt64

    /// All segments, in order.
    package var segments: [ArchivedSegment] { [base] + steps + (partial.map { [$0] } ?? []) }

    /// The place that the whole segments lead to.
    package var place: HistoryPlace { (steps.last ?? base).after }

    package var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }
}

extension ArchiveCatalogue {
    /// The plan for the state after a commit, from the newest base that leads there. Merged
    /// segments are left out if `usesMerged` is false.
    package func plan(
        to target: UInt64, usesMerged: Bool = true
    ) throws(ArchiveError) -> ArchivePlan {
        let moment = "after commit \(target)"
        guard let newest, target <= newest else {
            throw errorOfBases(before: target, moment: moment)
        }
        var reason: ArchiveError?
        for base in bases.reversed() where base.after.commitNumber <= target {
            do { return try plan(to: target, from: base, usesMerged) } catch {
                // Of the newest base, which is what should have been used.
                reason = reason ?? error
            }
        }
        throw reason ?? errorOfBases(before: target, moment: moment)
    }

    private func plan(
        to target: UInt64, from base: ArchivedSegment, _ usesMerged: Bool
    ) throws(ArchiveError) -> ArchivePlan {
        var plan = ArchivePlan(base: base, target: target)
        while plan.place.commitNumber < target {
            let next = continuations(of: plan.place).filter { usesMerged || $0.hasAllCommits }
            let whole = next.filter { $0.after.commitNumber <= target }
            if let step = whole.max(by: { $0.after.commitNumber < $1.after.commitNumber }) {
                plan.steps.append(step)
            } else if let partial = next.first(where: \.hasAllCommits) {
                plan.partial = partial
                return plan
            } else {
                throw error(after: plan.place.commitNumber, towards: target)
            }
        }
        return plan
    }
}

extension ArchiveFolder {
    /// The commit that a moment means in a catalogue of this folder.
    package func commit(
        of moment: RestorationMoment, in catalogue: ArchiveCatalogue
    ) throws(ArchiveError) -> UInt64 {
        switch moment {
        case .commit(let number): return number
        case .newest:
            guard let newest = catalogue.newest, catalogue.oldest != nil else {
                throw catalogue.errorOfBases(before: .max, moment: "at all")
            }
            return newest
        case .time(let time): return try commit(at: time, in: catalogue)
        }
    }

    /// The last checkpoint at or before `time`. A segment of several checkpoints may have it in its
    /// middle, and is read for that.
    private func commit(
        at time: UInt64, in catalogue: ArchiveCatalogue
    ) throws(ArchiveError) -> UInt64 {
        let states = catalogue.segments.filter { $0.isBase || $0.hasAllCommits }
        guard let last = states.last(where: { $0.end.state.time <= time }) else {
            throw catalogue.errorOfBases(
                before: .max, moment: "at the time \(time) (seconds since 1970)")
        }
        let next = catalogue.continuations(of: last.after).first(where: \.hasAllCommits)
        guard let next, next.end.counts.intervals > 1 else { return last.after.commitNumber }
        var reader = try next.open(on: disk)
        var commit = last.after.commitNumber
        while let item = try reader.next() {
            guard case .intervalEnd(let end) = item else { continue }
            if end.time > time { break }
            commit = end.place.commitNumber
        }
        return commit
    }
}
