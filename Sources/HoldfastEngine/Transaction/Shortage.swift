import HoldfastFormat
import MemoryMapping

/// A limit that the open transaction has met: no addresses, no memory, no disk for a heap that is
/// being built, or a size that no heap can have.
///
/// What a transaction does with collections cannot throw, and its closure cannot be left in the
/// middle. So the transaction goes on, and ends with `error`:
///
/// 1. *It is lost.* `commit` takes everything back and throws the error; so it is as if the closure
///    had thrown it.
/// 2. *It stays sound.* What is allocated from then on lies in the tail of the image
///    (`HeapImage.tailBytes`), real memory with notes like any other, and is as good as the rest
///    until the transaction ends.
/// 3. *It needs little.* What needs a large block, or any once half of the tail is used, asks first
///    (`HeapAccess.hasRoom`), and is left out if there is none: elements are not added, long texts
///    become empty. So collections stay as they are instead of growing, however long the closure
///    goes on.
/// 4. *The end.* Only what cannot be left out (headers of collections and records made in great
///    number) can use up the tail. Then the program ends with the error's sentence, and the heap is
///    as of the last commit.
struct Shortage {
    var error: HeapError
}

extension HeapEngine {
    /// Makes the image larger for the open transaction, which may not move; false where the
    /// transaction is lost by it, or was before.
    func tryToExtend(toBytes bytes: Int) -> Bool {
        if shortage != nil { return false }
        do throws(HeapError) {
            if mode == .bulkBuild {
                try extendBuild(toBytes: bytes)
            } else {
                try image.extend(to: bytes, path: path)
            }
            return true
        } catch {
            shortage = Shortage(error: error)
            return false
        }
    }

    /// For a transaction that is lost, and goes on for a while.
    func extendInShortage(toBytes bytes: Int) {
        do throws(HeapError) { try image.extendIntoTail(to: bytes, path: path) } catch {
            fatalError(
                "Holdfast: \(shortage?.error ?? error) The transaction went on for so long that "
                    + "the "
                    + "memory set aside for that is used up. Begin smaller transactions, or end "
                    + "them "
                    + "once tx.errorToCome is there.")
        }
    }

    /// The error that the open transaction is going to end with whatever it still does.
    package var errorToCome: HeapError? {
        shortage?.error ?? (writeSet.isIncomplete ? .outOfMemory(path: path) : nil)
    }

    /// Whether a block of so many bytes can be had, or can be had by lengthening one of `oldBytes`
    /// at `old` in place. If not, the transaction is lost, and what the block is for is to be left
    /// out.
    func hasRoom(forBytes bytes: Int, replacing old: UInt64, of oldBytes: Int, _ access: HeapAccess)
        -> Bool
    {
        let isSmall = bytes <= SizeClass.maximumBytes
        if shortage != nil { return image.hasHalfOfTail && bytes <= image.restOfTail / 64 }
        if isSmall { return true }
        guard bytes <= HeapImage.maximumBytes else {
            shortage = Shortage(
                error: .tooLarge(path: path, limitBytes: UInt64(HeapImage.maximumBytes)))
            return false
        }
        let allocator = Allocator(access: access)
        let end = Int(allocator.end) * HeapLayout.pageBytes
        let isLast =
            oldBytes > SizeClass.maximumBytes
            && Int(old) + Int(Allocator.pages(for: oldBytes)) * HeapLayout.pageBytes == end
        let extra = isLast ? bytes - oldBytes : bytes
        // With what the page map may take for them; a build, whose file is its memory, takes that
        // when it comes to it.
        let inHand = mode == .bulkBuild ? 0 : (end + extra) / 64 + (1 << 20)
        let needed = end + extra + inHand
        guard needed > image.byteCount,
            isLast || !allocator.hasFreeRun(pages: Allocator.pages(for: bytes))
        else { return true }
        guard tryToExtend(toBytes: needed) else { return false }
        showExtent(in: access.context)
        return true
    }

    /// Puts everything back as it was.
    func takeBack() {
        if writeSet.isIncomplete { startOver() } else { writeSet.undo() }
        guard shortage != nil else { return }
        shortage = nil
        image.giveBack(from: Int(committedPages) * HeapLayout.pageBytes)
    }

    /// The same, for a transaction that is lost; returns the error that it ends with.
    func takeBackInShortage() -> HeapError {
        let error = errorToCome ?? .outOfMemory(path: path)
        takeBack()
        // Nothing of a build can be taken back.
        return mode == .bulkBuild ? fail(error) : error
    }

    /// There was no memory for what the transaction's lines held before: they are in the base image
    /// and the log.
    private func startOver() {
        guard mode == .readWrite else {
            fatalError(
                "Holdfast: \(HeapError.outOfMemory(path: path)) The heap lives in this process's "
                    + "memory alone, and cannot be put back as it was."
            )
        }
        do {
            try writeSet.forgetAll()
            try startFromBase()
            try catchUp()
        } catch {
            // The image is nobody's any more. What is on the disk is as it was.
            closed.store(true, ordering: .releasing)
        }
    }
}

extension HeapAccess {
    /// The error that the transaction is going to end with, whatever it still does; nil as long as
    /// all is well.
    public var errorToCome: HeapError? {
        context.pointee.engine._withUnsafeGuaranteedRef { $0.errorToCome }
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
        context.pointee.engine._withUnsafeGuaranteedRef {
            $0.hasRoom(forBytes: byteCount, replacing: old, of: oldCount, self)
        }
    }

    /// Whether there is memory for so many bytes that are all going to be written. If not, the
    /// transaction is lost.
    public func hasMemory(byteCount: Int) -> Bool {
        guard isWritable else { Misuse.writeInReadTransaction() }
        guard byteCount > MemoryLimit.bytes, !isLost else { return !isLost }
        context.pointee.engine._withUnsafeGuaranteedRef {
            $0.shortage = Shortage(
                error: .tooLarge(path: $0.path, limitBytes: UInt64(MemoryLimit.bytes)))
        }
        return false
    }

    /// Ends the transaction with an error, when it comes to its end, because of a number that no
    /// heap has room for.
    public func refuseAsTooLarge() {
        guard isWritable else { Misuse.writeInReadTransaction() }
        _ = hasRoom(byteCount: .max)
    }
}
