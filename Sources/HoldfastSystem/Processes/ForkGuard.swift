import CHoldfast
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Detects `fork`. The child has the parent's mappings and descriptors, but none of its threads or
/// locks, so the child must neither use nor close its copies of objects that the parent opened. The
/// child drops the parent's open files at once: see `InheritedFiles`.
@usableFromInline
package enum ForkGuard {
    /// Registered once. The handler runs in the child before `fork` returns there.
    private static let isRegistered: Bool = {
        InheritedFiles.prepare()
        _ = number.load(ordering: .relaxed)
        pthread_atfork(nil, nil) {
            holdfast_count_fork()
            number.store(.random(in: 0 ... .max), ordering: .relaxed)
            InheritedFiles.letGo()
        }
        return true
    }()

    /// The number of forks between the first process that called this and the current process. An
    /// object that was opened under another number belongs to the parent.
    package static var generation: Int {
        _ = isRegistered
        return current
    }

    /// A random number of this process: another one in every forked child.
    package static var processNumber: UInt64 {
        _ = isRegistered
        return number.load(ordering: .relaxed)
    }

    private static let number = Atomic<UInt64>(.random(in: 0 ... .max))

    /// The same for a caller that has opened an object, and so has called `generation` before: one
    /// load, on the path of every transaction.
    @inlinable @inline(__always)
    package static var current: Int { Int(holdfast_get_fork_count()) }
}
