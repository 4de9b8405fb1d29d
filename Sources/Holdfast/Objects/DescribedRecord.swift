import HoldfastEngine

/// A record whose fields are known from a description instead of by reflection.
package protocol DescribedRecord: HeapRecord {
    static var parts: (fields: [RecordPart], byteCount: Int) { get }
}

/// A field of such a record. Its stored form is `offset` bytes from the start of the block.
package struct RecordPart: Sendable {
    package let name: String
    package let offset: Int
    package let valueType: any Persistable.Type

    package init(name: String, offset: Int, valueType: any Persistable.Type) {
        self.name = name
        self.offset = offset
        self.valueType = valueType
    }
}
