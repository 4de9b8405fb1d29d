#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine
import HoldfastSystem

/// Writes roots as lines of JSON.
///
/// Everything that the roots lead to is verified first. An export is complete, or an error, and
/// never trusts a damaged heap. The verification also determines which targets of references have
/// another owner.
struct RootExporter {
    /// Returns those of the pages that do not match their checksums.
    typealias PageComparison = (PageSet) throws(HeapError) -> [Int]

    private struct Found {
        let name: String
        let entry: RootCatalogue.Entry
        let type: any LineStreamable.Type
    }

    private let access: HeapAccess
    private let damagedPages: PageComparison?
    private let leavesOutIndexes: Bool
    private let encoder = JSONEncoder()

    /// Without a comparison, values are exported as they are, however they got there.
    /// `leavesOutIndexes`: the indexes of tables are neither verified nor exported, and the number
    /// that was used last is that of the last row at least. An import makes the indexes anew.
    init(
        _ access: HeapAccess, knowing types: [any Persistable.Type],
        leavingOutIndexes leavesOutIndexes: Bool = false,
        comparing damagedPages: PageComparison? = nil
    ) throws(HeapError) {
        self.access = access
        self.leavesOutIndexes = leavesOutIndexes
        self.damagedPages = damagedPages
        try RunTimeTypes.install(knowing: types)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
    }

    /// Exports a root, or all roots if there is no name, which are then numbered together.
    func export(_ name: String?, to write: (String) throws -> Void) throws {
        var verification = Verification(access)
        if damagedPages != nil { verification.collectPages() }
        let all = try roots(&verification)
        let names = Set(all.map(\.name))
        if name == nil, let root = RootCatalogue.unfinishedRoots(among: names).first {
            throw HeapError.cannotExport(
                path: access.heapPath, name: root,
                reason: "a migration of it is unfinished; open the heap with all of its migrations "
                    + "first")
        }
        let chosen = all.filter { root in
            name.map { $0 == root.name } ?? !RootCatalogue.isHidden(root.name, names.contains)
        }
        if let name, chosen.isEmpty {
            throw HeapError.rootNotFound(path: access.heapPath, name: name)
        }
        let found = try find(chosen.sorted { $0.name < $1.name }.map(\.asEntry))
        let versions = all.filter {
            RootCatalogue.isHidden($0.name, names.contains)
                && !RootCatalogue.isUnfinished(hiddenName: $0.name)
        }
        let numbers = try find(versions.map(\.asEntry))
        let owned = try verify(found + numbers, in: &verification)
        try requireSound(verification.claimedPages)
        try writeLines(of: found, versions: HeapVersions(in: access), owned, to: write)
    }

    /// All roots, Holdfast's own too. Verifies the catalogue.
    private func roots(_ verification: inout Verification) throws(HeapError) -> [FoundRoot] {
        verification.followsRoots = false
        verification.followRoots()
        if let problem = verification.problems.first {
            throw HeapError.damaged(path: access.heapPath, what: problem)
        }
        return verification.foundRoots
    }

    private func requireSound(_ pages: PageSet?) throws(HeapError) {
        guard let pages, let damaged = try damagedPages?(pages), !damaged.isEmpty else { return }
        throw HeapError.damagedPages(path: access.heapPath, pages: damaged.sorted())
    }

    /// Exports roots that have been found already, so that the catalogue need not be intact: nil as
    /// the versions says that it is not.
    func export(
        _ entries: [NamedEntry], versions: HeapVersions?, beginning: (_ root: String) -> Void,
        to write: (String) throws -> Void
    ) throws {
        let found = try find(entries)
        var verification = Verification(access)
        let owned = try verify(found, in: &verification)
        try writeLines(
            of: found, versions: versions, owned, beginning: beginning, to: write)
    }

    private func find(_ entries: [NamedEntry]) throws(HeapError) -> [Found] {
        var roots: [Found] = []
        for (name, entry) in entries {
            guard
                let type = RunTimeTypes.registry.type(describedAs: entry.description)
                    as? any LineStreamable.Type
            else {
                throw HeapError.unknownType(
                    path: access.heapPath, name: name, type: entry.description)
            }
            roots.append(Found(name: name, entry: entry, type: type))
        }
        return roots
    }

    private func writeLines(
        of roots: [Found], versions: HeapVersions?, _ ownedPlaces: Set<UInt64>,
        beginning: (_ root: String) -> Void = { _ in }, to write: (String) throws -> Void
    ) throws {
        let records = ExportedRecords(ownedPlaces: ownedPlaces)
        encoder.userInfo[Exchange.userInfoKey] = records
        let forms = LineForm.Maker(leavingOutIndexes: leavesOutIndexes)
        var lines = LineWriter(access, records, encoder)
        for root in roots {
            var failure: (any Error)?
            func pass(_ line: String) throws {
                do { try write(line) } catch {
                    failure = error
                    throw error
                }
            }
            beginning(root.name)
            do {
                try pass(header(of: root, root.type, versions))
                try export(root, root.type, forms.form(of: root.type), &lines, to: pass)
                while let (number, place, type) = records.nextPending() {
                    try pass(lines.line(object: number, forms.form(of: type), at: place))
                }
            } catch {
                if let failure { throw failure }
                throw HeapError.cannotExport(
                    path: access.heapPath, name: root.name, reason: Self.reason(error))
            }
        }
    }

    /// Returns the targets of references that have another owner.
    private func verify(
        _ roots: [Found], in verification: inout Verification
    ) throws(HeapError) -> Set<UInt64> {
        verification.collectsReferredPlaces = true
        if leavesOutIndexes { verification.indexes = .leftOut }
        for root in roots {
            verification.within(.value(keyAt: root.entry.keyPlace, String.self)) {
                root.type.verify(at: root.entry.place, in: &$0)
            }
            verification.followReferences()
            if let problem = verification.problems.first {
                throw HeapError.cannotExport(
                    path: access.heapPath, name: root.name, reason: problem)
            }
        }
        return verification.ownedReferredPlaces
    }

    private func header<Root: LineStreamable>(
        of root: Found, _ type: Root.Type, _ versions: HeapVersions?
    ) throws -> String {
        let history = versions == nil ? [] : try TypeHistory(of: root.name, in: access).fingerprints
        let header = RootHeader(
            root: RootCatalogue.exportedName(root.name), type: root.entry.description,
            count: Root.lineCount(Root.Stored(offset: root.entry.offset), in: access),
            versions: versions ?? HeapVersions(), history: history)
        return try header.line(encoder)
    }

    private func export<Root: LineStreamable>(
        _ root: Found, _ type: Root.Type, _ form: LineForm, _ lines: inout LineWriter,
        to write: (String) throws -> Void
    ) throws {
        switch form.content! {
        case .list(let load, let element):
            let list = load(access, root.entry.place)
            for index in 0 ..< list.count {
                try write(lines.line(element, at: list.elementPlace(index)))
            }
        case .entries(let entries):
            try entries.load(access, root.entry.place).forEachPlace { entry in
                guard let value = entries.value else {
                    return try write(lines.line(entries.key, at: entry.key))
                }
                try write(lines.line(entries.key, value, at: entry))
            }
        case .box(let value):
            let place = access.load(root.entry.place, as: UInt64.self)
            try write(lines.line(value, at: place))
        default:
            // Strings, bytes and bit sets, piece by piece.
            let stored = Root.Stored(offset: root.entry.offset)
            try Root.writeLines(stored, from: access) { try write(text($0)) }
        }
    }

    private func text(_ content: any Encodable) throws -> String {
        let data = try DeepStack.run(needing: DeepStack.foreignBytes) {
            try encoder.encode(content)
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case EncodingError.invalidValue(_, let context):
            "\(context.debugDescription) (\(context.codingPath.place))"
        default: "\(error)"
        }
    }
}

/// A root to be exported, and its place.
typealias NamedEntry = (name: String, entry: RootCatalogue.Entry)

extension FoundRoot {
    var asEntry: NamedEntry {
        (
            name,
            RootCatalogue.Entry(
                keyPlace: keyPlace, place: place, offset: offset, description: description ?? "")
        )
    }
}

extension [any CodingKey] {
    /// `[3].name`, for messages.
    var place: String {
        isEmpty
            ? "the whole of it"
            : map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
    }
}
