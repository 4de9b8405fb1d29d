import Holdfast
import HoldfastEngine
import HoldfastSystem

/// What `PersistentHeap.repair(_:to:knowing:progress:)` has saved, and what it could not.
public struct HeapRepair: Equatable, Sendable {
    /// A root that is in the new heap.
    public struct Kept: Equatable, Sendable {
        /// Its name and type.
        public let root: Root
        /// As ``RootStatistics/count``.
        public let count: Int?
        /// Pages that the root has something in and that do not match their checksums: its
        /// structure is whole, but values in these pages may be wrong. Ascending.
        public let damagedPages: [Int]
    }

    /// A root that is not.
    public struct LeftOut: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// Why, in words.
        public let reason: String
    }

    /// Sorted by name, as is ``leftOut``.
    public let kept: [Kept]
    /// The roots that are not in the new heap.
    public let leftOut: [LeftOut]
    /// What is lost as a whole, such as commits behind a damaged part of the log; a sentence each.
    public let losses: [String]

    /// Whether the new heap has all that the old one had, as far as that can be known.
    public var isComplete: Bool {
        leftOut.isEmpty && losses.isEmpty && kept.allSatisfy { $0.damagedPages.isEmpty }
    }
}

extension PersistentHeap {
    /// Makes a new heap at `destination` of everything that can be read of the heap at `path`,
    /// which is left as it is.
    ///
    /// Opens it even where its log is damaged or missing or the file was cut short; a heap with
    /// both copies of the header or the allocator's first page lost cannot be read at all. Every
    /// root is followed without trusting anything, and copied value by value if it can be followed
    /// to its end; roots that cannot, and roots of types that this program does not know, are left
    /// out. What several roots refer to stays shared.
    ///
    /// Throws the error of opening, `HeapError.alreadyExists(path:)` rather than replace a file,
    /// and what ``build(_:replacing:options:_:)`` throws; then nothing is made. `progress` is told
    /// pages. O(heap).
    public static func repair(
        _ path: String, to destination: String, knowing types: [any Persistable.Type] = [],
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws -> HeapRepair {
        try repair(
            path, to: destination, knowing: types, engineOptions: EngineOptions(),
            progress: progress)
    }

    /// The same with the engine's own options.
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
        if SystemDisk.shared.exists(destination) {
            throw HeapError.alreadyExists(path: destination)
        }
        let damaged = try engine.scrub(progress: progress).damagedPages
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        var rescue = Rescue(access, damagedPages: damaged, losses: engine.warnings) {
            engine.options.isCancelled?() == true
        }
        let lines = try rescue.exportAll(beside: destination)
        var newOptions = EngineOptions()
        newOptions.rightsOfNewFiles = engine.fileRights
        try build(destination, engineOptions: newOptions) { tx in
            let reader = try lines.reader()
            if !rescue.kept.isEmpty {
                _ = try tx.importRoots(as: nil, path: path, knowing: []) {
                    if engine.options.isCancelled?() == true {
                        throw HeapError.cancelled(path: path)
                    }
                    return try reader.next()
                }
            }
        }
        return rescue.result
    }
}

/// The roots of a damaged heap that can be read, and the others.
private struct Rescue {
    private let access: HeapAccess
    private let losses: [String]
    private let isCancelled: () -> Bool
    private var verification: Verification
    private(set) var kept: [FoundRoot] = []
    private var leftOut: [HeapRepair.LeftOut] = []

    init(
        _ access: HeapAccess, damagedPages: [Int], losses: [String],
        isCancelled: @escaping () -> Bool
    ) {
        self.access = access
        self.isCancelled = isCancelled
        verification = Verification(access, watching: damagedPages)
        verification.mayGoOn = { _ in !isCancelled() }
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

    /// All lines of the roots that are kept; a root that cannot be written as lines is left out,
    /// and all others are begun again, since their references are numbered together.
    mutating func exportAll(beside destination: String) throws -> LineSpill {
        if verification.wasCancelled { throw HeapError.cancelled(path: access.heapPath) }
        let exporter = try RootExporter(access, knowing: [])
        // A version of the data is only asked for where the catalogue can be searched.
        let isSearchable =
            verification.catalogueProblem == nil
            && !leftOut.contains { $0.name.hasPrefix(RootCatalogue.hiddenPrefix) }
        let dataVersion = isSearchable ? (try? DataVersion.read(access)) ?? 0 : 0
        while true {
            let lines = try LineSpill(beside: destination)
            do {
                let entries = kept.map { root in
                    (
                        name: root.name,
                        entry: RootCatalogue.Entry(
                            keyPlace: root.keyPlace, place: root.place, offset: root.offset,
                            description: root.description ?? "")
                    )
                }
                try exporter.export(entries, dataVersion: dataVersion) {
                    if isCancelled() { throw HeapError.cancelled(path: access.heapPath) }
                    try lines.write($0)
                }
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
                HeapRepair.Kept(
                    root: Root(name: root.name, type: TypeDescription(root.description ?? "")),
                    count: statistics[root.name]?.count,
                    damagedPages: verification.accounts[root.keyPlace]?.watchedPages.sorted() ?? [])
            }.sorted { $0.root.name < $1.root.name },
            leftOut: leftOut.sorted { $0.name < $1.name }, losses: losses)
    }
}
