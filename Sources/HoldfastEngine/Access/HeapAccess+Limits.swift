import HoldfastFormat
import MemoryMapping

// The limits that a transaction can meet, and what asks for them beforehand; see `Shortage`.
extension HeapAccess {
    /// The error that the transaction is going to end with, whatever it still does; nil as long as
    /// all is well.
    public var errorToCome: HeapError? {
        context.pointee.view._withUnsafeGuaranteedRef { $0.errorToCome }
    }

    /// Whether there is memory for so many bytes that are all going to be written. If not, the
    /// transaction is lost.
    public func hasMemory(byteCount: Int) -> Bool {
        guard isWritable else { Misuse.writeInReadTransaction() }
        guard byteCount > MemoryLimit.bytes, !isLost else { return !isLost }
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.shortage = Shortage(
                error: .tooLarge(path: $0.path, limitBytes: UInt64(MemoryLimit.bytes)))
        }
        return false
    }

    /// Whether a block of `byteCount` bytes can be had, or can be made of the one of `oldCount`
    /// bytes at `old`. If not, the transaction is lost; what needs the block is then to be left
    /// out. O(1) for up to 32 KiB.
    @inlinable @inline(__always)
    public func hasRoom(byteCount: Int, replacing old: UInt64 = 0, of oldCount: Int = 0) -> Bool {
        (byteCount <= SizeClass.maximumBytes && !isLost) || findRoom(byteCount, old, oldCount)
    }

    @usableFromInline @inline(never)
    func findRoom(_ byteCount: Int, _ old: UInt64, _ oldCount: Int) -> Bool {
        Allocator(access: self).hasRoom(forBytes: byteCount, replacing: old, of: oldCount)
    }

    /// Ends the transaction with an error, when it comes to its end, because of a number that no
    /// heap has room for.
    public func refuseAsTooLarge() {
        guard isWritable else { Misuse.writeInReadTransaction() }
        _ = hasRoom(byteCount: .max)
    }
}
