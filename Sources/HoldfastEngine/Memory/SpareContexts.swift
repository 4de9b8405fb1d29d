import HoldfastSystem
import Synchronization

/// The contexts of finished reads, for reuse: reads that follow each other need not ask the pool.
/// Threads use different ones, each in a cache line of its own.
///
/// `@unchecked Sendable`: a context in a word is unused, and the exchange that takes it out of the
/// word gives it to one thread.
final class SpareContexts: @unchecked Sendable {
    private static let lineBytes = 64
    private let words: UnsafeMutableRawPointer

    init() {
        let count = ThreadLines.count * Self.lineBytes
        words = .allocate(byteCount: count, alignment: Self.lineBytes)
        words.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }

    deinit {
        for number in 0 ..< ThreadLines.count {
            if let context = taken(word(number)) { TransactionContextPool.shared.giveBack(context) }
        }
        words.deallocate()
    }

    @inline(__always)
    private func word(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
        (words + number * Self.lineBytes).assumingMemoryBound(to: Atomic<UInt>.self)
    }

    @inline(__always)
    private func taken(_ word: UnsafeMutablePointer<Atomic<UInt>>) -> HeapView.Context? {
        HeapView.Context(bitPattern: word.pointee.exchange(0, ordering: .acquiring))
    }

    @inline(__always)
    func take() -> HeapView.Context {
        taken(word(ThreadLines.ofThread())) ?? TransactionContextPool.shared.take()
    }

    @inline(__always)
    func giveBack(_ context: HeapView.Context) {
        let isKept = word(ThreadLines.ofThread()).pointee.compareExchange(
            expected: 0, desired: UInt(bitPattern: context), ordering: .releasing
        ).exchanged
        if !isKept { TransactionContextPool.shared.giveBack(context) }
    }
}
