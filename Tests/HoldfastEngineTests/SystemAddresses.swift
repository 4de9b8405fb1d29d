#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Addresses taken by a test, like another part of a program.
enum SystemAddresses {
    /// False if they are already taken.
    static func take(_ byteCount: Int, at address: UnsafeMutableRawPointer) -> Bool {
        #if canImport(Darwin)
            let flags = MAP_PRIVATE | MAP_ANON
        #else
            let flags = MAP_PRIVATE | MAP_ANONYMOUS
        #endif
        guard let found = mmap(address, byteCount, PROT_NONE, flags, -1, 0), found != MAP_FAILED
        else { return false }
        if found == address { return true }
        munmap(found, byteCount)
        return false
    }

    static func giveBack(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        munmap(address, byteCount)
    }
}
