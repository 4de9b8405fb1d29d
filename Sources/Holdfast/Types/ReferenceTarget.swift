import HoldfastEngine

/// A type whose values have blocks that references can lead to: every ``HeapRecord``.
///
/// Your own types conform to ``HeapRecord``, which needs no code.
public protocol ReferenceTarget: PersistableValue, PersistableNamed {
    /// The properties that identify a block of the type.
    static var recordBlock: RecordBlock { get }

    /// Verifies the fields of a record whose block has been claimed.
    static func verifyFields(at block: UInt64, in verification: inout some BlockVerifier)

    /// Moves everything that the fields of a record own. The record's block has been copied.
    static func moveFields(of block: UInt64, by mover: BlockMover)
}

/// The properties that all blocks of a ``ReferenceTarget`` have in common.
public struct RecordBlock: Sendable {
    /// The size in bytes with which each block was allocated.
    let byteCount: Int
    /// The first four bytes of each block.
    let tag: UInt32

    /// The alignment with which each block was allocated.
    static let alignment = 8
}

extension BlockVerifier {
    /// Claims the block of a record of this type. Returns false, and reports a problem, if there is
    /// none.
    mutating func claim<Record: ReferenceTarget>(recordAt offset: UInt64, _ type: Record.Type)
        -> Bool
    {
        let block = type.recordBlock
        guard
            claim(
                offset, byteCount: block.byteCount, alignment: RecordBlock.alignment,
                "a \(type.storedName)")
        else {
            return false
        }
        if load(offset, as: UInt32.self) == block.tag { return true }
        report("the block at \(offset) does not have the header of a \(type.storedName)")
        return false
    }
}
