#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine
import HoldfastSystem

/// A line that has been read and not been interpreted yet.
struct ContentDecoder {
    fileprivate let line: Data
    fileprivate let decoder: JSONDecoder

    func decode<Content: Decodable>(_ type: Content.Type) throws -> Content {
        try DeepStack.run(needing: DeepStack.foreignBytes) { try decoder.decode(type, from: line) }
    }
}

/// Creates roots from lines.
///
/// All input is untrusted: anyone may have written it. Invalid input is an error with the number of
/// its line.
final class RootImporter {
    private let access: HeapAccess
    /// The path of the file, or of the heap, for errors.
    private let path: String
    private let next: () throws -> String?
    private let decoder = JSONDecoder()
    private let records: ImportedRecords
    /// The number of the last line read.
    private var line = 0
    /// The error that `next` has thrown. It is rethrown unchanged.
    private var failure: (any Error)?

    /// A line after a root's own lines: the first line of the next root, or a record.
    private enum Tail: Decodable {
        case root
        case record

        init(from decoder: any Decoder) throws {
            guard let container = try? decoder.container(keyedBy: Name.self) else {
                throw decoder.problem(
                    "expected a record or another root after the root's announced lines"
                )
            }
            self = container.contains(Name("holdfast")) ? .root : .record
        }
    }

    /// A record on a line of its own, which fills the block that its first mention has created.
    private struct RecordLine: Decodable {
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(of: ["object", "value"])
            guard container.contains(Name("value")) else {
                throw decoder.problem("the field value is missing")
            }
            let records = try ImportedRecords.require(in: decoder)
            let (place, type) = try records.placeToFill(
                try container.decode(Int.self, forKey: Name("object")))
            try type.decodeFields(
                at: place, from: try container.superDecoder(forKey: Name("value")),
                in: records.access, orNumber: false)
        }
    }

    init(
        _ access: HeapAccess, path: String, knowing types: [any Persistable.Type],
        next: @escaping () throws -> String?
    )
        throws(HeapError)
    {
        self.access = access
        self.path = path
        self.next = next
        records = ImportedRecords(access)
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        decoder.userInfo[Exchange.userInfoKey] = records
        try RunTimeTypes.install(knowing: types)
    }

    /// Imports all roots of the lines, or the only one as `name`. Returns their names.
    func importRoots(as name: String?) throws -> [String] {
        do {
            var names: [String] = []
            var first = try nextLine()
            if first == nil { throw ExchangeProblem("there are no lines") }
            while let content = first {
                if name != nil, !names.isEmpty {
                    throw ExchangeProblem(
                        "there is a second root, but only one can have the given name")
                }
                names.append(try importRoot(try content.decode(RootHeader.self), as: name))
                first = try importRecords()
            }
            try records.requireComplete()
            return names
        } catch {
            if let failure { throw failure }
            if error is HeapError { throw error }
            throw HeapError.badLine(path: path, line: max(line, 1), reason: Self.reason(error))
        }
    }

    private func importRoot(_ header: RootHeader, as newName: String?) throws -> String {
        let name = newName ?? header.root
        let catalogue = RootCatalogue(access)
        if catalogue.contains(name) {
            throw HeapError.rootExists(path: access.heapPath, name: name)
        }
        guard
            let type = RunTimeTypes.registry.type(describedAs: header.type)
                as? any LineStreamable.Type
        else {
            throw HeapError.unknownType(path: path, name: header.root, type: header.type)
        }
        try header.versions.adopt(in: access)
        let offset = try read(type, count: header.count)
        // Again, since setting the version may have created the catalogue.
        RootCatalogue(access).add(
            name, describedAs: header.type, fingerprint: TypeRegistry.fingerprint(of: header.type),
            at: offset)
        try TypeHistory(of: name, in: access).restore(header.history)
        return name
    }

    private func read<Root: LineStreamable>(_ type: Root.Type, count: Int) throws -> UInt64 {
        var rest = count
        let lines = ElementLines {
            guard rest > 0 else { return nil }
            rest -= 1
            guard let content = try self.nextLine() else {
                throw ExchangeProblem(
                    "\(rest + 1) of the root's \(count) lines are missing at the end")
            }
            return content
        }
        return try Root.readLines(lines, in: access).offset
    }

    /// Reads records up to the first line of the next root, and returns that line.
    private func importRecords() throws -> ContentDecoder? {
        while let content = try nextLine() {
            if case .root = try content.decode(Tail.self) { return content }
            _ = try content.decode(RecordLine.self)
        }
        return nil
    }

    private func nextLine() throws -> ContentDecoder? {
        // A new heap without disk space continues in memory, but not for all of the lines.
        try access.requireBuildable()
        let text: String?
        do {
            text = try next()
        } catch let problem as ExchangeProblem {
            line += 1
            throw problem
        } catch {
            failure = error
            throw error
        }
        guard let text else { return nil }
        line += 1
        let data = Data(text.utf8)
        if let name = RepeatedNames.first(in: data) {
            throw ExchangeProblem(
                "the name \(String(reflecting: name)) occurs twice in one object")
        }
        return ContentDecoder(line: data, decoder: decoder)
    }

    /// Returns the decoder's reason and its place in the line.
    private static func reason(_ error: any Error) -> String {
        let context: DecodingError.Context
        var text: String
        switch error {
        case DecodingError.keyNotFound(let key, let found):
            (context, text) = (found, "the field \(key.stringValue) is missing")
        case DecodingError.typeMismatch(_, let found), DecodingError.valueNotFound(_, let found),
            DecodingError.dataCorrupted(let found):
            (context, text) = (found, found.debugDescription)
        default: return "\(error)"
        }
        if let cause = context.underlyingError { text += " (\(cause))" }
        text = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        // The surrounding sentence has a full stop of its own.
        if text.hasSuffix(".") { text.removeLast() }
        return context.codingPath.isEmpty ? text : "at \(context.codingPath.place), \(text)"
    }
}
