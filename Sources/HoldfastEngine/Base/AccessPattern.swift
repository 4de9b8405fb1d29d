import MemoryMapping

/// How a program is going to read a heap, as far as it knows. It decides how much the system reads
/// from the disk around a page that is asked for; which pages there are, and what is in them, is
/// the same for all.
public enum AccessPattern: Sendable, Hashable, CaseIterable {
    /// `random` for a heap file that memory cannot hold as a whole, as it is when the heap is
    /// opened; the system's own way for any other.
    case automatic
    /// Here and there: only the pages that are asked for are read. Right for look-ups in a heap
    /// that is larger than memory, and slow for walks through it.
    case random
    /// From front to back: far ahead of what is asked for. Right for exports, and for walks through
    /// a large heap that has been built in one go.
    case sequential

    /// The advice for a file of so many bytes; nil for none.
    func advice(fileBytes: Int, memory: @autoclosure () -> Int) -> MemoryAdvice? {
        switch self {
        case .random: .random
        case .sequential: .sequential
        // Small heaps do not even ask how much memory there is. The program and its private copies
        // need some of it.
        case .automatic:
            fileBytes > Self.surelySmall && fileBytes > memory() / 4 * 3 ? .random : nil
        }
    }

    private static let surelySmall = 64 << 20
}
