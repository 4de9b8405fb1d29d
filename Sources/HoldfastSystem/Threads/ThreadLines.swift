import CHoldfast

/// Numbers for words that exist once for each of a few groups of threads, in a cache line each, so
/// that threads on different processors do not write the same line. The first threads of a process
/// are in different groups.
@usableFromInline
package enum ThreadLines {
    @inlinable @inline(__always)
    package static var count: Int { 16 }

    /// The group of the calling thread, 0 ..< `count`, or of one that follows it by `shift`.
    @inlinable @inline(__always)
    package static func ofThread(shiftedBy shift: Int = 0) -> Int {
        let number = Interleaving.threadNumber ?? holdfast_thread_number()
        return (Int(number) &+ shift) & (count - 1)
    }
}
