import Holdfast
import HoldfastEngine
import HoldfastSystem

/// The result of `PersistentHeap.repair(_:to:knowing:progress:)`: the data that it has saved, and
/// the data that it could not save.
public struct HeapRepair: Equatable, Sendable {
    /// A root that is in the new heap.
    public struct Kept: Equatable, Sendable {
        /// The name and type of the root.
        public let root: Root
        /// The count of the root, as in ``RootStatistics/count``.
        public let count: Int?
        /// Pages with data of the root that do not match their checksums, in ascending order. The
        /// root's structure is intact, but values in these pages may be wrong.
        public let damagedPages: [Int]
        /// What was wrong with the indexes of tables in the root, and with the numbers that the
        /// tables had used last: each with its place, as text. They have been made anew from the
        /// rows, so nothing of them is lost. At most 20.
        public let rebuiltIndexes: [String]
    }

    /// A root that is not in the new heap.
    public struct LeftOut: Equatable, Sendable {
        /// The name of the root.
        public let name: String
        /// The reason, as text.
        public let reason: String
    }

    /// The roots that are in the new heap, sorted by name. ``leftOut`` is sorted too.
    public let kept: [Kept]
    /// The roots that are not in the new heap.
    public let leftOut: [LeftOut]
    /// Losses outside of individual roots, such as commits after a damaged part of the log, as one
    /// sentence each.
    public let losses: [String]

    /// Whether the new heap contains everything that the old one did, as far as that can be known.
    public var isComplete: Bool {
        leftOut.isEmpty && losses.isEmpty && kept.allSatisfy { $0.damagedPages.isEmpty }
    }
}

extension PersistentHeap {
    /// Creates a new heap at `destination` from everything that can be read of the heap at `path`,
    /// which is left unchanged.
    ///
    /// The old heap is opened even if its log is damaged or missing or the file has been truncated.
    /// A heap cannot be read at all if both copies of the header, or the allocator's first page,
    /// are lost. Every root is followed without trusting any data. If it can be followed
    /// completely, it is copied value by value. All other roots, including those with types that
    /// this program does not know, are left out. Data that several roots refer to stays shared. The
    /// indexes of tables are made anew from the rows, so damage to them loses nothing.
    ///
    /// `progress` is reported in pages.
    ///
    /// - Throws: The error of opening; `HeapError.alreadyExists(path:)` if there is a file at
    ///   `destination`; and the errors of ``build(_:replacing:options:_:)``. No file is then
    ///   created.
    /// - Complexity: O(size of the heap).
    public static func repair(
        _ path: String, to destination: String, knowing types: [any Persistable.Type] = [],
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws -> HeapRepair {
        try repair(
            path, to: destination, knowing: types, engineOptions: EngineOptions(),
            progress: progress)
    }

    /// Repairs a heap with the engine's own options.
    package static func repair(
        _ path: String, to destination: String, knowing types: [any Persistable.Type] = [],
        engineOptions: EngineOptions,
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws -> HeapRepair {
        try RunTimeTypes.install(knowing: types)
        var options = engineOptions
        options.createsIfMissing = false
        options.salvages = true
        let engine = try HeapEngine(path: path, mode: .readOnly, options: options)
        defer { try? engine.close() }
        try engine.requireOther(destination)
        if SystemDisk.shared.exists(destination) {
            throw HeapError.alreadyExists(path: destination)
        }
        let damaged = try engine.scrub(progress: progress).damagedPages
        let context = unsafe try engine.beginRead()
        defer { unsafe engine.endRead(context) }
        let access = unsafe HeapAccess(context: context, epoch: context.pointee.epoch)
        var rescue = Rescue(access, damagedPages: damaged, losses: engine.warnings) {
            engine.options.isCancelled?() == true
        }
        var newOptions = EngineOptions()
        newOptions.rightsOfNewFiles = engine.fileRights
        var isBuilt = false
        while !isBuilt {
            let lines = try rescue.exportAll(beside: destination)
            let reader = try lines.reader()
            do {
                try build(destination, engineOptions: newOptions) { tx in
                    guard !rescue.kept.isEmpty else { return }
                    _ = try tx.importRoots(as: nil, path: path, knowing: []) {
                        if engine.options.isCancelled?() == true {
                            throw HeapError.cancelled(path: path)
                        }
                        return try reader.next()
                    }
                }
                isBuilt = true
            } catch HeapError.badLine(_, let line, let reason) {
                // Values that no program could have stored together, such as equal values of a
                // property that must be unique.
                try rescue.leaveOut(line: line, reason)
            }
        }
        return rescue.result
    }
}

/// The readable roots of a damaged heap, and the others.
private struct Rescue {
    private let access: HeapAccess
    private let losses: [String]
    private let isCancelled: () -> Bool
    private var verification: Verification
    private(set) var kept: [FoundRoot] = []
    private var leftOut: [HeapRepair.LeftOut] = []
    /// The roots in the order of the export, each with the number of its first line.
    private var firstLines: [(number: Int, root: String)] = []

    init(
        _ access: HeapAccess, damagedPages: [Int], losses: [String],
        isCancelled: @escaping () -> Bool
    ) {
        self.access = access
        self.isCancelled = isCancelled
        verification = Verification(access, watching: damagedPages)
        verification.mayGoOn = { _ in !isCancelled() }
        verification.indexes = .noted
        verification.run()
        self.losses =
            losses + (verification.catalogueProblem.map { ["Roots may be missing: \($0)."] } ?? [])
        let unknown = Set(verification.unknownRoots.map(\.name))
        let names = Set(verification.foundRoots.map(\.name))
        for root in verification.foundRoots {
            if let problem = verification.accounts[root.keyPlace]?.problems.first {
                leaveOut(root.name, problem)
            } else if unknown.contains(root.name) || root.description == nil {
                if !RootCatalogue.isHidden(root.name, names.contains) {
                    leaveOut(root.name, "this program does not know its type")
                }
            } else if !RootCatalogue.isHidden(root.name, names.contains) {
                kept.append(root)
            }
        }
    }

    private mutating func leaveOut(_ name: String, _ reason: String) {
        leftOut.append(HeapRepair.LeftOut(name: name, reason: reason))
    }

    /// Leaves out the root whose export has this line.
    mutating func leaveOut(line: Int, _ reason: String) throws {
        guard let root = firstLines.last(where: { $0.number <= line })?.root else {
            throw HeapError.badLine(path: access.heapPath, line: line, reason: reason)
        }
        kept.removeAll { $0.name == root }
        leaveOut(root, reason)
    }

    /// Exports all roots that are kept. A root that cannot be exported is left out, and the export
    /// of all others starts again, since their references share one numbering.
    mutating func exportAll(beside destination: String) throws -> LineSpill {
        if verification.wasCancelled { throw HeapError.cancelled(path: access.heapPath) }
        let exporter = try RootExporter(access, knowing: [], leavingOutIndexes: true)
        // The versions are read only if the catalogue can be searched.
        let isSearchable =
            verification.catalogueProblem == nil
            && !leftOut.contains { $0.name.hasPrefix(RootCatalogue.hiddenPrefix) }
        let versions = isSearchable ? try? HeapVersions(in: access) : nil
        while true {
            let lines = try LineSpill(beside: destination)
            do {
                var (count, first) = (0, [(number: Int, root: String)]())
                try exporter.export(kept.map(\.asEntry), versions: versions) { root in
                    first.append((count + 1, root))
                } to: { line in
                    if isCancelled() { throw HeapError.cancelled(path: access.heapPath) }
                    try lines.write(line)
                    count += 1
                }
                firstLines = first
                return lines
            } catch let error as HeapError {
                switch error {
                case .cannotExport(_, let name, let reason):
                    kept.removeAll { $0.name == name }
                    leaveOut(name, reason)
                case .unknownType(_, let name, _):
                    kept.removeAll { $0.name == name }
                    leaveOut(name, "this program does not know its type")
                default: throw error
                }
            }
        }
    }

    var result: HeapRepair {
        let statistics = Dictionary(
            uniqueKeysWithValues: verification.rootStatistics.map { ($0.root.name, $0) })
        return HeapRepair(
            kept: kept.map { root in
                let account = verification.accounts[root.keyPlace] ?? RootAccount()
                return HeapRepair.Kept(
                    root: Root(name: root.name, type: TypeDescription(root.description ?? "")),
                    count: statistics[root.name]?.count,
                    damagedPages: account.watchedPages.sorted(),
                    rebuiltIndexes: account.indexProblems)
            }.sorted { $0.root.name < $1.root.name },
            leftOut: leftOut.sorted { $0.name < $1.name }, losses: losses)
    }
}
