import Holdfast
import HoldfastEngine

/// A record type created at run time from a heap's description.
struct RunTimeRecord<Number: RunTimeNumber>: HeapRecord {
    let access: HeapAccess
    let place: UInt64

    private static var definition: RunTimeDefinition { .of(Number.number) }

    static var storedName: String { definition.shape.name }

    static func describe() throws(HeapError) -> TypeDescription { TypeDescription(definition.text) }
}

// Tables are records, too, but their indexes follow from their rows.
extension RunTimeRecord {
    private static func table(at block: UInt64, _ access: HeapAccess) -> DescribedTable? {
        DescribedTable(Self.self, definition.shape, at: block, in: access)
    }

    static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = try decodeRecord(from: decoder, in: access)
        do { try table(at: stored.offset, access)?.rebuildIndexes() } catch {
            throw decoder.problem("\(error)")
        }
        return stored
    }

    static var hasIndexes: Bool { definition.shape.isTable }

    static func isIndex(_ field: String) -> Bool { IndexField(named: field) != nil }

    var indexProblem: String? { Self.table(at: place, access)?.problem }
}

extension RunTimeRecord: DescribedRecord {
    static var parts: (fields: [RecordPart], byteCount: Int) {
        guard case .record(let fields, let byteCount) = definition.content else {
            fatalError("Holdfast: \(definition.text) is not a record.")
        }
        return (fields, byteCount)
    }
}
