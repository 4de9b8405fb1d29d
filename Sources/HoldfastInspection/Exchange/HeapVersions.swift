import Holdfast
import HoldfastEngine

/// What a heap knows of the programs that its data is for: the version that migrations have
/// reached, and those of schemas. Every exported root carries them, so that the data is not older
/// after an import or a repair than before.
struct HeapVersions {
    var data = 0
    var schemas: [String: Int] = [:]
}

extension HeapVersions {
    init(in access: HeapAccess) throws(HeapError) {
        data = try DataVersion.read(access)
        schemas = try SchemaVersion.all(in: access)
    }

    /// Data of one version must not be imported into a heap of another, whose migrations would
    /// misinterpret it.
    func adopt(in access: HeapAccess) throws {
        let mine = try DataVersion.read(access)
        if mine != data {
            guard access.catalogue == 0 else {
                throw ExchangeProblem(
                    "the data has version \(data), but the heap's data has version \(mine)")
            }
            try DataVersion.set(data, access)
        }
        try SchemaVersion.adopt(schemas, in: access)
    }
}
