import HoldfastFormat
import MemoryMapping

/// Checks for room before a large block is allocated; see `Shortage`.
extension Allocator {
    /// Whether a block of this many bytes can be allocated, or the block of `oldBytes` bytes at
    /// `old` extended to it in place. If not, the transaction is lost, and the caller must leave
    /// out the work that the block is for.
    func hasRoom(forBytes bytes: Int, replacing old: UInt64, of oldBytes: Int) -> Bool {
        access.context.pointee.view._withUnsafeGuaranteedRef {
            hasRoom(forBytes: bytes, replacing: old, of: oldBytes, in: $0)
        }
    }

    /// The same for a block that could be smaller: without room, the transaction is not lost. A
    /// build has none beyond the end of its file, where disk space would be needed for it.
    func hasSpareRoom(forBytes bytes: Int) -> Bool {
        access.context.pointee.view._withUnsafeGuaranteedRef { view in
            guard view.shortage == nil, bytes <= HeapImage.maximumBytes else { return false }
            if hasFreeRun(pages: Allocator.pages(for: bytes)) { return true }
            let end = Int(end) * HeapLayout.pageBytes
            let needed = end + bytes + spaceOfPageMap(endingAt: end + bytes)
            if needed <= view.image.byteCount { return true }
            guard view.growBuild == nil,
                (try? view.image.extend(to: needed, path: view.path)) != nil
            else { return false }
            view.showExtent(in: access.context)
            return true
        }
    }

    /// The bytes that the page map may take for the pages up to this end.
    private func spaceOfPageMap(endingAt end: Int) -> Int { end / 64 + (1 << 20) }

    private func hasRoom(
        forBytes bytes: Int, replacing old: UInt64, of oldBytes: Int, in view: HeapView
    ) -> Bool {
        let image = view.image
        if view.shortage != nil {
            return image.hasHalfOfTail && bytes <= image.restOfTail / 64
        }
        if bytes <= SizeClass.maximumBytes { return true }
        guard bytes <= HeapImage.maximumBytes else {
            view.shortage = Shortage(
                error: .tooLarge(path: view.path, limitBytes: UInt64(HeapImage.maximumBytes)))
            return false
        }
        let end = Int(end) * HeapLayout.pageBytes
        let isLast =
            oldBytes > SizeClass.maximumBytes
            && Int(old) + Int(Allocator.pages(for: oldBytes)) * HeapLayout.pageBytes == end
        let extra = isLast ? bytes - oldBytes : bytes
        // A build, whose file is its memory, takes the space of the page map when it needs it.
        let inHand = view.growBuild != nil ? 0 : spaceOfPageMap(endingAt: end + extra)
        let needed = end + extra + inHand
        guard needed > image.byteCount,
            isLast || !hasFreeRun(pages: Allocator.pages(for: bytes))
        else { return true }
        guard view.tryToExtend(toBytes: needed) else { return false }
        view.showExtent(in: access.context)
        return true
    }

    /// Whether whole pages for this many bytes can be allocated. In a lost transaction: as long as
    /// they take little of its remaining reserve.
    func hasRoom(forRun request: Int) -> Bool {
        hasRoom(forBytes: max(request, SizeClass.maximumBytes + 1), replacing: 0, of: 0)
            || access.context.pointee.view._withUnsafeGuaranteedRef {
                request <= $0.image.restOfTail / 16
            }
    }

    /// Trims in a transaction of the engine's own, which the caller commits.
    static func trim(_ view: HeapView) {
        let context = view.makeContext(isWritable: true, enclosing: nil)
        Allocator(access: HeapAccess(context: context, epoch: context.pointee.epoch)).trim()
        view.endContext(context)
    }
}
