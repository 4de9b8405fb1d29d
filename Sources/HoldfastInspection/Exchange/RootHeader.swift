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
    /// The version of the heap's data, as set by migrations.
    let dataVersion: Int

    private static let names = ["holdfast", "root", "type", "count", "dataVersion"]

    init(root: String, type: String, count: Int, dataVersion: Int) {
        self.root = root
        self.type = type
        self.count = count
        self.dataVersion = dataVersion
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
        dataVersion = try container.decodeIfPresent(Int.self, forKey: Name("dataVersion")) ?? 0
        guard count >= 0, dataVersion >= 0 else { throw decoder.problem("a count is below 0") }
        guard !root.hasPrefix(RootCatalogue.hiddenPrefix) else {
            throw decoder.problem("the name is reserved for Holdfast")
        }
    }

    /// Assembled by hand, so that the kind of the line comes first.
    func line(_ encoder: JSONEncoder) throws -> String {
        let root = String(decoding: try encoder.encode(root), as: UTF8.self)
        let type = String(decoding: try encoder.encode(type), as: UTF8.self)
        let version = dataVersion == 0 ? "" : ",\"dataVersion\":\(dataVersion)"
        return
            "{\"holdfast\":\(Exchange.version),\"root\":\(root),\"type\":\(type),\"count\":\(count)\(version)}"
    }
}
