import HoldfastEngine

/// A type whose values lie in blocks that references can lead to: every ``PersistableRecord``.
///
/// Your own types conform to ``PersistableRecord``, which needs no code.
public protocol ReferenceTarget: PersistableValue, PersistableNamed {
    /// What a block of the type is known by.
    static var recordBlock: RecordBlock { get }

    /// Verifies the fields of a record whose block has been claimed.
    static func verifyFields(at block: UInt64, in verification: inout some BlockVerifier)

    /// Moves what the fields of a record own whose block has been copied.
    static func moveFields(of block: UInt64, by mover: BlockMover)
}

/// What the blocks of a ``ReferenceTarget`` have in common.
public struct RecordBlock: Sendable {
    /// Bytes that each was allocated with.
    let byteCount: Int
    /// The first four bytes of each.
    let tag: UInt32

    /// What each was allocated with.
    static let alignment = 8
}

extension BlockVerifier {
    /// Claims the block of a record of this type; false, and a report, if there is none.
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
        report("what should be a \(type.storedName) lies at \(offset) and does not begin as one")
        return false
    }
}
