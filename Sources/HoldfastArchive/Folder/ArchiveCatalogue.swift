import HoldfastFormat
import HoldfastSystem

/// The segments of a folder as they were at one moment, each with its header and end checked, and
/// what is wrong with the others.
///
/// What is wrong with one segment does not keep the others from being used: the error is thrown
/// when nothing else leads to a moment, and `problems` lists them all.
package struct ArchiveCatalogue: Sendable {
    package let folder: String
    /// Bases and changes, in the order of the commits that they lead to.
    package private(set) var segments: [ArchivedSegment] = []
    package private(set) var problems: [ArchiveError] = []
    /// What is wrong with segments that would lead from one commit to another.
    private var flawed: [(name: SegmentName, error: ArchiveError)] = []
    /// The segments of changes that begin at a place.
    private var continuations: [HistoryPlace: [Int]] = [:]

    /// O(segments): reads two places of each.
    package init(of folder: ArchiveFolder) throws(ArchiveError) {
        self.folder = folder.path
        let (names, others) = try folder.names()
        for name in others {
            problems.append(.misnamedSegment(path: folder.path(of: name), rightName: ""))
        }
        for name in names {
            do { segments.append(try folder.segment(name)) } catch {
                // Removed since its name was read.
                if error.isOfMissingFile { continue }
                if case .io = error { throw error }
                flawed.append((name, error))
                problems.append(error)
            }
        }
        setAsideForeign()
        segments.sort { ($0.after.commitNumber, $0.path) < ($1.after.commitNumber, $1.path) }
        for (index, segment) in segments.enumerated() where !segment.isBase {
            continuations[segment.before, default: []].append(index)
        }
    }

    /// The archive's heap is that of most segments.
    private mutating func setAsideForeign() {
        var counts: [HeapIdentity: Int] = [:]
        for segment in segments { counts[segment.header.identity, default: 0] += 1 }
        guard counts.count > 1 else { return }
        let identity = counts.max { ($0.value, $0.key.high) < ($1.value, $1.key.high) }!.key
        for segment in segments where segment.header.identity != identity {
            let error = ArchiveError.foreignSegment(
                path: segment.path, identity: segment.header.identity.description,
                expected: identity.description)
            flawed.append((segment.name, error))
            problems.append(error)
        }
        segments.removeAll { $0.header.identity != identity }
    }

    package var bases: [ArchivedSegment] { segments.filter(\.isBase) }

    /// The first state that can be restored, if nothing is damaged.
    package var oldest: UInt64? { bases.first?.after.commitNumber }

    /// The newest state in the archive.
    package var newest: UInt64? { segments.last?.after.commitNumber }

    /// The names of segments that do not have the bytes that were written.
    var damagedNames: [SegmentName] {
        flawed.filter { if case .damagedSegment = $0.error { true } else { false } }.map(\.name)
    }

    /// Bases, and the segments that can be reached from one, merged or not.
    var reachable: [ArchivedSegment] {
        var places: Set<HistoryPlace> = []
        return segments.filter { segment in
            guard segment.isBase || places.contains(segment.before) else { return false }
            places.insert(segment.after)
            return true
        }
    }

    /// The segments that begin at `place`.
    func continuations(of place: HistoryPlace) -> [ArchivedSegment] {
        continuations[place, default: []].map { segments[$0] }
    }

    /// Why nothing leads from the state after `commit` to the one after `target`: what is wrong
    /// with a segment that would, or that one is missing.
    func error(after commit: UInt64, towards target: UInt64) -> ArchiveError {
        let reason = flawed.first {
            guard let before = $0.name.before else { return false }
            return before <= commit && $0.name.last > commit
        }
        return reason?.error ?? .missingSegment(path: folder, after: commit)
    }

    /// Why no base leads to the state after `target`.
    func errorOfBases(before target: UInt64, moment: String) -> ArchiveError {
        guard let oldest, let newest else {
            return flawed.first { $0.name.before == nil }?.error ?? .noBase(path: folder)
        }
        let reason = flawed.first { $0.name.before == nil && $0.name.last <= target }
        return reason?.error
            ?? .momentNotFound(path: folder, moment: moment, oldest: oldest, newest: newest)
    }
}
