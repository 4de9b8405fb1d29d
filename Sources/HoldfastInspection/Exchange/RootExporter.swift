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
    private typealias Found = RootVerifier.Found

    private let access: HeapAccess
    private let damagedPages: RootVerifier.PageComparison?
    private let leavesOutIndexes: Bool
    private let encoder: JSONEncoder

    /// Without a comparison, values are exported as they are, however they got there.
    /// `leavesOutIndexes`: the indexes of tables are neither verified nor exported, and the number
    /// that was used last is that of the last row at least. An import makes the indexes anew.
    init(
        _ access: HeapAccess, knowing types: [any Persistable.Type],
        leavingOutIndexes leavesOutIndexes: Bool = false,
        comparing damagedPages: RootVerifier.PageComparison? = nil
    ) throws(HeapError) {
        self.access = access
        self.leavesOutIndexes = leavesOutIndexes
        self.damagedPages = damagedPages
        try RunTimeTypes.install(knowing: types)
        encoder = .ofLines
    }

    /// `comparesPages`: the pages are compared with their checksums, if there is a way.
    private func makeVerifier(comparesPages: Bool) -> RootVerifier {
        let path = access.heapPath
        return RootVerifier(
            access, leavingOutIndexes: leavesOutIndexes,
            comparing: comparesPages ? damagedPages : nil
        ) { .cannotExport(path: path, name: $0, reason: $1) }
    }

    /// Exports a root, or all roots if there is no name, which are then numbered together.
    func export(_ name: String?, to write: (String) throws -> Void) throws {
        var verifier = makeVerifier(comparesPages: true)
        let all = try verifier.roots()
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
        let found = try verifier.find(chosen.sorted { $0.name < $1.name }.map(\.asEntry))
        let versions = all.filter {
            RootCatalogue.isHidden($0.name, names.contains)
                && !RootCatalogue.isUnfinished(hiddenName: $0.name)
        }
        let numbers = try verifier.find(versions.map(\.asEntry))
        let owned = try verifier.verify(found + numbers)
        try writeLines(of: found, versions: HeapVersions(in: access), owned, to: write)
    }

    /// Exports roots that have been found already, so that the catalogue need not be intact: nil as
    /// the versions says that it is not.
    func export(
        _ entries: [NamedEntry], versions: HeapVersions?, beginning: (_ root: String) -> Void,
        to write: (String) throws -> Void
    ) throws {
        var verifier = makeVerifier(comparesPages: false)
        let found = try verifier.find(entries)
        let owned = try verifier.verify(found)
        try writeLines(
            of: found, versions: versions, owned, beginning: beginning, to: write)
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

extension JSONEncoder {
    /// An encoder of the values in lines.
    static var ofLines: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
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
