#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Who writes, for those who only want to show it: a moment later it may be another.
extension SharedMemory {
    /// Whether a thread of the process holds the write lock. False where that cannot be told.
    func isWriter(_ process: Int32) -> Bool {
        #if canImport(Glibc)
            // A robust mutex begins with its holder's number among all threads; the two highest
            // bits say other things (futex(2)).
            let word = (base + LogLayout.lockOffset).load(as: UInt32.self)
            let thread = Int32(bitPattern: word & 0x3fff_ffff)
            guard thread != 0 else { return false }
            return thread == process || access("/proc/\(process)/task/\(thread)", F_OK) == 0
        #else
            return false
        #endif
    }
}
