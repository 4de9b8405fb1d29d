import Holdfast

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The first line of an exported root.
struct RootHeader: Decodable {
    let root: String
    /// The description of the root's type.
    let type: String
    /// The number of content lines that follow.
    let count: Int
    let versions: HeapVersions
    /// The fingerprints of the types that the root had before.
    let history: [UInt64]

    private static let names = [
        "holdfast", "root", "type", "count", "dataVersion", "schemaVersions", "earlierTypes",
    ]

    init(root: String, type: String, count: Int, versions: HeapVersions, history: [UInt64]) {
        self.root = root
        self.type = type
        self.count = count
        self.versions = versions
        self.history = history
    }

    init(from decoder: any Decoder) throws {
        let version = try decoder.container(keyedBy: Name.self).decode(
            Int.self, forKey: Name("holdfast"))
        guard version == Exchange.version else {
            throw decoder.problem(
                "the format has version \(version), but this program supports version "
                    + "\(Exchange.version)"
            )
        }
        let container = try decoder.container(of: Self.names)
        root = try container.decode(String.self, forKey: Name("root"))
        type = try container.decode(String.self, forKey: Name("type"))
        count = try container.decode(Int.self, forKey: Name("count"))
        let data = try container.decodeIfPresent(Int.self, forKey: Name("dataVersion")) ?? 0
        let schemas = try container.decodeIfPresent(
            [String: Int].self, forKey: Name("schemaVersions"))
        versions = HeapVersions(data: data, schemas: schemas ?? [:])
        let types = try container.decodeIfPresent([String].self, forKey: Name("earlierTypes"))
        history = try (types ?? []).map { digits in
            guard let fingerprint = UInt64(digits, radix: 16) else {
                throw decoder.problem("\(digits) is not the fingerprint of a type")
            }
            return fingerprint
        }
        guard count >= 0, data >= 0, versions.schemas.values.allSatisfy({ $0 >= 0 }) else {
            throw decoder.problem("a count or a version is below 0")
        }
        guard !root.hasPrefix(RootCatalogue.hiddenPrefix) else {
            throw decoder.problem("the name is reserved for Holdfast")
        }
    }

    /// Assembled by hand, so that the kind of the line comes first.
    func line(_ encoder: JSONEncoder) throws -> String {
        let root = String(decoding: try encoder.encode(root), as: UTF8.self)
        let type = String(decoding: try encoder.encode(type), as: UTF8.self)
        var line = "{\"holdfast\":\(Exchange.version),\"root\":\(root),\"type\":\(type)"
        line += ",\"count\":\(count)"
        if versions.data != 0 { line += ",\"dataVersion\":\(versions.data)" }
        if !versions.schemas.isEmpty {
            let schemas = String(decoding: try encoder.encode(versions.schemas), as: UTF8.self)
            line += ",\"schemaVersions\":\(schemas)"
        }
        if !history.isEmpty {
            let types = history.map { "\"\(String($0, radix: 16))\"" }
            line += ",\"earlierTypes\":[\(types.joined(separator: ","))]"
        }
        return line + "}"
    }
}
