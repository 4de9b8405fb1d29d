import HoldfastEngine
import HoldfastSystem

/// A record whose fields are not those of a struct. Its value is the place of a record; storing it
/// copies the record.
package protocol DescribedRecord: HeapRecord {
    static var parts: (fields: [RecordPart], byteCount: Int) { get }

    /// The transaction that the value belongs to.
    var access: HeapAccess { get }
    /// The offset of the record's block.
    var place: UInt64 { get }

    init(access: HeapAccess, place: UInt64)

    /// Whether some fields follow from others: those of a table.
    static var hasIndexes: Bool { get }

    /// Whether the field of this name is such a one.
    static func isIndex(_ field: String) -> Bool

    /// Why the indexes are not those of the rows; nil if they are. All fields are sound by
    /// themselves.
    var indexProblem: String? { get }
}

extension DescribedRecord {
    public static func verifyFields(at block: UInt64, in verification: inout some BlockVerifier) {
        guard hasIndexes, verification.comparesIndexes else {
            return verifyEachField(at: block, in: &verification)
        }
        let before = verification.problemCount
        let comeLater = verification.verifiesIndexesLater
        verification.completely {
            verifyEachField(at: block, in: &$0) { !comeLater || !isIndex($0) }
        }
        guard verification.problemCount == before, !verification.wasCancelled else { return }
        guard comeLater else { return compareIndexes(at: block, in: &verification) }
        verification.verifyLater { verification in
            let before = verification.problemCount
            verification.completely { verifyEachField(at: block, in: &$0, where: isIndex) }
            guard verification.problemCount == before, !verification.wasCancelled else { return }
            compareIndexes(at: block, in: &verification)
        }
    }

    /// Everything has been verified by itself.
    private static func compareIndexes(
        at block: UInt64, in verification: inout some BlockVerifier
    ) {
        if let problem = Self(access: verification.access, place: block).indexProblem {
            verification.report(problem)
        }
    }

    public static func load(_ stored: Stored, from access: HeapAccess) -> Self {
        RecordLayout.of(Self.self).require(stored.offset, access)
        return Self(access: access, place: stored.offset)
    }

    public static func store(_ value: Self, in access: HeapAccess) -> Stored {
        copy(value, in: access)
    }

    /// Copies the record with everything that it owns.
    package static func copy(_ value: Self, in access: HeapAccess) -> Stored {
        let layout = RecordLayout.of(Self.self)
        layout.require(value.place, value.access)
        guard access.isWritable else {
            Misuse.writeInReadTransaction(MisuseScene(access, "\(Self.self)"))
        }
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
}

extension HeapAccess {
    /// Copies the value of a stored form, with everything that it owns, to bytes that do not hold a
    /// value yet.
    package func copy<Value: Persistable>(
        _: Value.Type, from source: UInt64, of other: HeapAccess, to target: UInt64
    ) {
        store(
            Value.store(
                Value.load(other.load(source, as: Value.Stored.self), from: other), in: self),
            of: Value.self, at: target)
    }
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
