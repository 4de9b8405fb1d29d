import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Notices `fork`: the child has the parent's mappings and descriptors, but none of its threads or
/// locks, so its copy of an open heap must neither be used nor closed as if it were its own. The
/// child lets go of the parent's open files at once: see `InheritedFiles`.
enum ForkGuard {
    private static let forks = Atomic<Int>(0)

    /// Registered once; the handler runs in the child before `fork` returns there.
    private static let isRegistered: Bool = {
        InheritedFiles.prepare()
        pthread_atfork(nil, nil) {
            ForkGuard.forks.add(1, ordering: .relaxed)
            InheritedFiles.letGo()
        }
        return true
    }()

    /// Forks that lie between the first process that asked and this one. What was opened under
    /// another number is the parent's.
    static var generation: Int {
        _ = isRegistered
        return current
    }

    /// The same for those who have something that was opened, and so has asked for `generation`
    /// already: a load, on every transaction's way.
    @inline(__always)
    static var current: Int { forks.load(ordering: .relaxed) }
}
