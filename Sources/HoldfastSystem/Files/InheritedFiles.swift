import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The descriptors of this process's open files, so that a forked child can drop its copies.
///
/// File locks belong to the open file, which parent and child share. A child that only sleeps would
/// keep the locks of a killed parent and block all other processes. So in the child, each of these
/// descriptors is redirected to an open file without locks as soon as the child starts. The
/// descriptor numbers stay in use, because the child's objects will close them. Mappings keep an
/// open file too, and are made through another one for that reason (`SystemFile.map`).
///
/// There is one bit per descriptor: the child may neither wait for a lock nor allocate memory,
/// because other threads of the parent, which do not exist in the child, may have been doing so at
/// the fork. A child of plain `clone` or `_Fork`, which call no handlers, keeps the locks.
enum InheritedFiles {
    private static let wordCount = 1 << 12
    /// Never freed. Safety: `wordCount` words, used only as atomics, for which zero bytes are a
    /// valid zero.
    nonisolated(unsafe) private static let words = unsafe calloc(wordCount, 8)!
        .bindMemory(to: Atomic<UInt64>.self, capacity: wordCount)
    /// One more than the highest word ever used.
    private static let end = Atomic<Int>(0)

    /// Allocates the lazily initialised memory before there is a child.
    static func prepare() { _ = unsafe words }

    static func add(_ descriptor: Int32) {
        let index = Int(descriptor) / 64
        guard index < wordCount else { return }
        unsafe words[index].bitwiseOr(
            1 << UInt64(descriptor % 64), ordering: .sequentiallyConsistent)
        _ = end.max(index + 1, ordering: .sequentiallyConsistent)
    }

    /// Called before the descriptor is closed.
    static func remove(_ descriptor: Int32) {
        let index = Int(descriptor) / 64
        guard index < wordCount else { return }
        unsafe words[index].bitwiseAnd(
            ~(1 << UInt64(descriptor % 64)), ordering: .sequentiallyConsistent)
    }

    /// Runs in the child, where no other thread exists yet. Makes only calls that are
    /// async-signal-safe.
    static func letGo() {
        let last = end.load(ordering: .relaxed)
        guard last > 0 else { return }
        #if os(Linux)
            // O_PATH: cannot be read, written or locked.
            let place = unsafe open("/", O_CLOEXEC | 0o10_000_000)
        #else
            let place = open("/", O_CLOEXEC | O_RDONLY)
        #endif
        // Without a free descriptor, everything stays as inherited.
        guard place >= 0 else { return }
        for index in 0 ..< last {
            var bits = unsafe words[index].exchange(0, ordering: .relaxed)
            while bits != 0 {
                let descriptor = Int32(index * 64 + bits.trailingZeroBitCount)
                bits &= bits - 1
                _ = dup2(place, descriptor)
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            }
        }
        _ = close(place)
    }
}
