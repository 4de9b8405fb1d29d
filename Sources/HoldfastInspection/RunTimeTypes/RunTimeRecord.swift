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

extension RunTimeRecord: DescribedRecord {
    static var parts: (fields: [RecordPart], byteCount: Int) {
        guard case .record(let fields, let byteCount) = definition.content else {
            fatalError("Holdfast: \(definition.text) is not a record.")
        }
        return (fields, byteCount)
    }
}
