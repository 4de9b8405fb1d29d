#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Memory from `malloc`, for callers that handle a failed allocation instead of trapping.
package enum FallibleMemory {
    /// Nil if there is no memory.
    package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        unsafe malloc(byteCount)
    }

    /// The same, filled with zeros.
    package static func allocateZeros(byteCount: Int) -> UnsafeMutableRawPointer? {
        unsafe calloc(byteCount, 1)
    }

    /// Resizes the memory, keeping its contents; nil, with the old memory unchanged, if there is
    /// none.
    package static func reallocate(_ memory: UnsafeMutableRawPointer, byteCount: Int)
        -> UnsafeMutableRawPointer?
    { unsafe realloc(memory, byteCount) }

    package static func free(_ memory: UnsafeMutableRawPointer?) {
        #if canImport(Darwin)
            Darwin.free(memory)
        #elseif canImport(Musl)
            Musl.free(memory)
        #else
            unsafe Glibc.free(memory)
        #endif
    }
}
