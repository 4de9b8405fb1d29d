import HoldfastFormat
import HoldfastSystem

/// What a verification has found.
public struct ArchiveFindings: Sendable {
    /// One for each segment that cannot be used, and for each gap.
    public package(set) var problems: [ArchiveError] = []
    public package(set) var segments = 0
    public package(set) var bytes = 0
    /// States whose sum of page checksums was compared with that of the heap.
    public package(set) var comparedStates = 0
}

extension ArchiveRestorer {
    /// Reads every segment fully, and lays all intervals over the bases one after the other, to
    /// compare each state whose sum of page checksums is known with the one that results.
    ///
    /// `scratch` is the path of the file that is made for that, and removed again. O(bytes of the
    /// archive). Throws errors of the disk and of the target, and those of `progress`; what is
    /// wrong with the archive is in the findings.
    package func verify(
        scratch path: String, progress: Progress? = nil
    ) throws -> ArchiveFindings {
        try folder.withCatalogue { catalogue in
            let verification = ArchiveVerification(self, catalogue, scratch: path, progress)
            try verification.run()
            return verification.findings
        }
    }
}

/// One run through an archive.
private final class ArchiveVerification {
    let restorer: ArchiveRestorer
    let catalogue: ArchiveCatalogue
    let path: String
    let report: (Int) throws -> Void
    var findings = ArchiveFindings()
    /// The sums at places to which both segments and a base lead.
    var sums: [HistoryPlace: UInt64] = [:]
    /// Whether a segment that was to be laid cannot be used, which has been noted.
    var isBroken = false

    init(
        _ restorer: ArchiveRestorer, _ catalogue: ArchiveCatalogue, scratch path: String,
        _ progress: ArchiveRestorer.Progress?
    ) {
        self.restorer = restorer
        self.catalogue = catalogue
        self.path = path
        let total = catalogue.segments.reduce(0) { $0 + $1.byteCount }
        report = ArchiveProgress.counting(total, progress)
        findings.problems = catalogue.problems
        findings.segments = catalogue.segments.count
        findings.bytes = total
    }

    func run() throws {
        var unread = Set(catalogue.segments.map(\.path))
        var reached: HistoryPlace?
        for base in catalogue.bases {
            if let reached, base.after == reached || !base.after.isAfter(reached) { continue }
            if let reached { noteGap(after: reached) }
            reached = try replay(from: base, &unread) ?? reached
        }
        let newest = catalogue.segments.last(where: { $0.isBase || $0.hasAllCommits })?.after
        if let reached, let newest, newest.isAfter(reached) { noteGap(after: reached) }
        if catalogue.oldest == nil { findings.problems.append(.noBase(path: catalogue.folder)) }
        for segment in catalogue.segments where unread.contains(segment.path) {
            try noting {
                var reader = try segment.open(on: restorer.folder.disk)
                while try reader.next() != nil {}
                try report(reader.byteCount)
                if let sum = sums[segment.after], let known = segment.end.state.pageSum,
                    sum != known
                {
                    throw ArchiveError.differentState(
                        path: segment.path, commit: segment.after.commitNumber)
                }
            }
        }
    }

    private func noteGap(after place: HistoryPlace) {
        guard !isBroken else { return }
        let error = catalogue.error(
            after: place.commitNumber, towards: catalogue.newest ?? place.commitNumber)
        if !findings.problems.contains(error) { findings.problems.append(error) }
    }

    /// Lays a base, and all segments of level 0 that continue from it. Returns the place reached;
    /// nil if the base cannot be used.
    private func replay(
        from base: ArchivedSegment, _ unread: inout Set<String>
    ) throws -> HistoryPlace? {
        let request = RestorationRequest(path: path, replacing: true, base: base)
        var replay = SegmentReplay(try restorer.target(request), report: report)
        defer { replay.target.abandon() }
        isBroken = false
        var next: ArchivedSegment? = base
        var place: HistoryPlace?
        while let segment = next {
            unread.remove(segment.path)
            let isSound = try noting {
                var reader = try segment.open(on: restorer.folder.disk)
                try replay.lay(&reader, wantsSum: true)
                findings.comparedStates += replay.compared
                replay.compared = 0
            }
            guard isSound else {
                isBroken = true
                return place
            }
            place = segment.after
            sums[segment.after] = replay.sum
            next = catalogue.continuations(of: segment.after).first(where: \.hasAllCommits)
        }
        return place
    }

    /// Runs `body`; false if it finds something wrong with the archive, which is noted.
    @discardableResult
    private func noting(_ body: () throws -> Void) throws -> Bool {
        do {
            try body()
            return true
        } catch let error as ArchiveError {
            switch error {
            case .damagedSegment, .differentState, .newerFormat, .unknownFeatures:
                findings.problems.append(error)
                return false
            default: throw error
            }
        }
    }
}
