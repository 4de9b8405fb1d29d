import HoldfastFormat
import MemoryMapping

/// Words of zeros that are indexed by page number: as many as there are addresses for pages,
/// whether a page is used or not.
///
/// A table has addresses of its own. It grows in place as long as those behind it are free, and
/// else moves, which an image cannot: nobody keeps a pointer into it from one operation to the
/// next. It costs memory only where it is used.
struct PageTable {
    private(set) var words: UnsafeMutablePointer<UInt64>
    private(set) var count = 0
    private var reservation: AddressReservation?

    /// Room for the words of the largest heap.
    private static let room = Int(HeapLayout.maximumBytes) / HeapLayout.pageBytes * 8

    /// A table of no words.
    init() {
        // No address that anything could be at.
        words = UnsafeMutableRawPointer(bitPattern: HeapLayout.pageBytes)!.assumingMemoryBound(
            to: UInt64.self)
    }

    /// Makes the table at least `needed` words long; the words that there are stay as they are.
    /// After an error nothing has changed. O(1), and O(words) where it has to move.
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

    /// Pages of zeros are left alone: copying them would take memory for them.
    private func copyWords(to target: UnsafeMutablePointer<UInt64>) {
        let wordsPerPage = SystemPage.size / 8
        for first in stride(from: 0, to: count, by: wordsPerPage) {
            let page = UnsafeBufferPointer(start: words + first, count: wordsPerPage)
            guard page.contains(where: { $0 != 0 }) else { continue }
            (target + first).update(from: page.baseAddress!, count: page.count)
        }
    }

    /// Makes every word zero, and gives the memory back. O(pages of the table in use).
    func clear() throws(MappingError) {
        guard let reservation else { return }
        try reservation.mapAnonymous(byteCount: reservation.capacity, at: 0)
    }
}
