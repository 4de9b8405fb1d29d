import MemoryMapping

/// How a program is going to read a heap, as far as it knows. It decides how much the system reads
/// ahead around a requested page. It does not change the contents or layout of the heap.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum AccessPattern: Sendable, Hashable, CaseIterable {
    /// `random` for a heap file that does not fit into memory when the heap is opened; the system's
    /// default for any other.
    case automatic
    /// Scattered accesses: only requested pages are read. Right for lookups in a heap that is
    /// larger than memory; slow for walks through it.
    case random
    /// From front to back: reads far ahead. Right for exports, and for walks through a large heap
    /// that was built in one pass.
    case sequential

    /// The advice for a file of this many bytes; nil for none.
    func advice(fileBytes: Int, memory: @autoclosure () -> Int) -> MemoryAdvice? {
        switch self {
        case .random: .random
        case .sequential: .sequential
        // Small heaps do not even query the size of memory. The program and its private pages need
        // some of it, hence the fraction.
        case .automatic:
            fileBytes > Self.surelySmall && fileBytes > memory() / 4 * 3 ? .random : nil
        }
    }

    private static let surelySmall = 64 << 20
}
