import HoldfastFormat
import MemoryMapping

// The limits that a transaction can meet, and what asks for them beforehand; see `Shortage`.
extension HeapAccess {
    /// The error that the transaction will end with, whatever it does; nil if there is none.
    public var errorToCome: HeapError? {
        context.pointee.view._withUnsafeGuaranteedRef { $0.errorToCome }
    }

    /// Whether there is memory for this many bytes, all of which will be written. If not, the
    /// transaction is lost.
    public func hasMemory(byteCount: Int) -> Bool {
        guard isWritable else { Misuse.writeInReadTransaction(self) }
        guard byteCount > MemoryLimit.bytes, !isLost else { return !isLost }
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.shortage = Shortage(
                error: .tooLarge(path: $0.path, limitBytes: UInt64(MemoryLimit.bytes)))
        }
        return false
    }

    /// Whether a block of `byteCount` bytes can be allocated, or made from the block of `oldCount`
    /// bytes at `old`. If not, the transaction is lost, and the caller must leave out the work that
    /// needs the block. O(1) for up to 32 KiB.
    @inlinable @inline(__always)
    public func hasRoom(byteCount: Int, replacing old: UInt64 = 0, of oldCount: Int = 0) -> Bool {
        (byteCount <= SizeClass.maximumBytes && !isLost) || findRoom(byteCount, old, oldCount)
    }

    @usableFromInline @inline(never)
    func findRoom(_ byteCount: Int, _ old: UInt64, _ oldCount: Int) -> Bool {
        Allocator(access: self).hasRoom(forBytes: byteCount, replacing: old, of: oldCount)
    }

    /// Whether a block of `byteCount` bytes can be allocated that is larger than necessary. If not,
    /// the transaction goes on.
    public func hasSpareRoom(byteCount: Int) -> Bool {
        Allocator(access: self).hasSpareRoom(forBytes: byteCount)
    }

    /// Loses the transaction because of a size that no heap has room for: it ends with an error.
    public func refuseAsTooLarge() {
        guard isWritable else { Misuse.writeInReadTransaction(self) }
        _ = hasRoom(byteCount: .max)
    }
}
