import Holdfast
import HoldfastEngine
import HoldfastSystem

/// A record type created at run time from a heap's description. Its value is the place of a record;
/// storing it copies the record.
struct RunTimeRecord<Number: RunTimeNumber>: HeapRecord {
    private let access: HeapAccess
    private let place: UInt64

    private static var definition: RunTimeDefinition { .of(Number.number) }

    static var storedName: String { definition.shape.name }

    static func describe() throws(HeapError) -> TypeDescription { TypeDescription(definition.text) }

    static func load(_ stored: Stored, from access: HeapAccess) -> Self {
        RecordLayout.of(Self.self).require(stored.offset, access)
        return RunTimeRecord(access: access, place: stored.offset)
    }

    static func store(_ value: Self, in access: HeapAccess) -> Stored {
        let layout = RecordLayout.of(Self.self)
        layout.require(value.place, value.access)
        guard access.isWritable else { Misuse.writeInReadTransaction(access) }
        let block = makeBlock(in: access)
        guard access.enterLevel() else {
            access.postpone(following: value.access) {
                copyFields(layout, of: value, to: block, in: access)
            }
            return Stored(offset: block)
        }
        copyFields(layout, of: value, to: block, in: access)
        access.leaveLevel()
        return Stored(offset: block)
    }

    /// Fills a block whose fields are zeros.
    private static func copyFields(
        _ layout: RecordLayout, of value: Self, to block: UInt64, in access: HeapAccess
    ) {
        DeepStack.run {
            for field in layout.fields {
                let offset = UInt64(field.offset)
                access.copy(
                    field.valueType, from: value.place + offset, of: value.access,
                    to: block + offset)
            }
        }
    }

    static func replace(_ stored: Stored, with value: Self, in access: HeapAccess) {
        fatalError(
            "Holdfast: a record of a type that this program does not have can only be replaced as "
                + "a whole."
        )
    }
}

extension HeapAccess {
    /// Copies the value of a stored form, with everything that it owns, to bytes that do not hold a
    /// value yet.
    func copy<Value: Persistable>(
        _: Value.Type, from source: UInt64, of other: HeapAccess, to target: UInt64
    ) {
        store(
            Value.store(
                Value.load(other.load(source, as: Value.Stored.self), from: other), in: self),
            at: target)
    }
}

extension RunTimeRecord: DescribedRecord {
    static var parts: (fields: [RecordPart], byteCount: Int) {
        guard case .record(let fields, let byteCount) = definition.content else {
            fatalError("Holdfast: \(definition.text) is not a record.")
        }
        return (fields, byteCount)
    }
}
