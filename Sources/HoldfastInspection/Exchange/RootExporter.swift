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
    private struct Found {
        let name: String
        let entry: RootCatalogue.Entry
        let type: any LineStreamable.Type
    }

    private let access: HeapAccess
    private let encoder = JSONEncoder()

    init(_ access: HeapAccess, knowing types: [any Persistable.Type]) throws(HeapError) {
        self.access = access
        try RunTimeTypes.install(knowing: types)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
    }

    /// Records are numbered across all of `names`.
    func export(_ names: [String], to write: (String) throws -> Void) throws {
        let catalogue = RootCatalogue(access)
        var roots: [(name: String, entry: RootCatalogue.Entry)] = []
        for name in names {
            guard let entry = catalogue.entry(name) else {
                throw HeapError.rootNotFound(path: access.heapPath, name: name)
            }
            roots.append((name, entry))
        }
        try export(roots, versions: HeapVersions(in: access), to: write)
    }

    /// Exports roots that have been found already, so that the catalogue need not be intact: nil as
    /// the versions says that it is not.
    func export(
        _ entries: [(name: String, entry: RootCatalogue.Entry)], versions: HeapVersions?,
        to write: (String) throws -> Void
    ) throws {
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
        let records = ExportedRecords(ownedPlaces: try verified(roots))
        encoder.userInfo[Exchange.userInfoKey] = records
        let forms = LineForm.Maker()
        var lines = LineWriter(access, records, encoder)
        for root in roots {
            var failure: (any Error)?
            func pass(_ line: String) throws {
                do { try write(line) } catch {
                    failure = error
                    throw error
                }
            }
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
    private func verified(_ roots: [Found]) throws(HeapError) -> Set<UInt64> {
        var verification = Verification(access)
        verification.collectsReferredPlaces = true
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

extension [any CodingKey] {
    /// `[3].name`, for messages.
    var place: String {
        isEmpty
            ? "the whole of it"
            : map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }.joined()
    }
}
