#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Checks that a descriptor is a regular file.
enum RegularFile {
    static func size(_ descriptor: Int32, path: String) throws(MappingError) -> Int {
        switch SystemCalls.status(descriptor) {
        case .failure(let error): throw MappingError(.status, path: path, error)
        case .success(let status):
            guard !status.isDirectory else { throw MappingError(.open, path: path, code: EISDIR) }
            guard status.isRegular else { throw MappingError(.open, path: path, code: EINVAL) }
            return status.size
        }
    }
}
