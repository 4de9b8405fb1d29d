import HoldfastFormat
import MemoryMapping

/// A zero-filled table of words indexed by page number. It covers all pages that have addresses,
/// whether they are used or not.
///
/// A table has its own address range. It grows in place as long as the addresses behind it are
/// free, and moves otherwise. It may move because no pointer into it is kept from one operation to
/// the next, unlike an image. It takes memory only where it is used.
struct PageTable {
    private(set) var words: UnsafeMutablePointer<UInt64>
    private(set) var count = 0
    private var reservation: AddressReservation?

    /// Room for the words of the largest heap.
    private static let room = Int(HeapLayout.maximumBytes) / HeapLayout.pageBytes * 8

    /// An empty table.
    init() {
        // A nonnull address with nothing at it.
        words = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!.assumingMemoryBound(
            to: UInt64.self)
    }

    /// Makes the table at least `needed` words long; existing words keep their values. After an
    /// error, nothing has changed. O(1); O(words) if it has to move.
    mutating func cover(_ needed: Int) throws(MappingError) {
        guard needed > count else { return }
        let bytes = SystemPage.roundUp(needed * 8)
        if let reservation {
            let old = reservation.capacity
            do throws(MappingError) {
                try reservation.extend(to: bytes)
                try reservation.mapAnonymous(byteCount: bytes - old, at: old)
                count = bytes / 8
                return
            } catch {
                reservation.giveBack(from: old)
                guard error.isOfNeighbour else { throw error }
            }
        }
        let larger = try AddressReservation(growingFrom: bytes, room: Self.room)
        try larger.mapAnonymous(byteCount: bytes, at: 0)
        let target = larger.baseAddress.assumingMemoryBound(to: UInt64.self)
        copyWords(to: target)
        reservation = larger
        words = target
        count = bytes / 8
    }

    /// Skips pages of zeros: copying them would allocate memory for them.
    private func copyWords(to target: UnsafeMutablePointer<UInt64>) {
        let wordsPerPage = SystemPage.size / 8
        for first in stride(from: 0, to: count, by: wordsPerPage) {
            let page = UnsafeBufferPointer(start: words + first, count: wordsPerPage)
            guard page.contains(where: { $0 != 0 }) else { continue }
            (target + first).update(from: page.baseAddress!, count: page.count)
        }
    }

    /// Sets every word to zero and releases the memory. O(pages of the table in use).
    func clear() throws(MappingError) {
        guard let reservation else { return }
        try reservation.mapAnonymous(byteCount: reservation.capacity, at: 0)
    }
}
