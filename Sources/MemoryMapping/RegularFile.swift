#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file opened for mapping. The caller owns the descriptor and closes it.
///
/// Accepts only regular files: folders cannot be read, pipes have no size, and a device's size is
/// not in its status.
struct RegularFile {
    let descriptor: Int32
    /// Size in bytes, at the time of opening.
    let size: Int

    init(opening path: String, for kind: MappingKind) throws(MappingError) {
        // A C string would end at the zero, and name another file.
        guard !path.utf8.contains(0) else { throw MappingError(.open, path: path, code: ENOENT) }
        switch SystemCalls.open(path, writable: kind == .shared) {
        case .failure(let error): throw MappingError(.open, path: path, error)
        case .success(let opened): descriptor = opened
        }
        do throws(MappingError) {
            size = try Self.size(of: descriptor, path: path)
        } catch {
            SystemCalls.close(descriptor)
            throw error
        }
    }

    private static func size(of descriptor: Int32, path: String) throws(MappingError) -> Int {
        switch SystemCalls.status(descriptor) {
        case .failure(let error): throw MappingError(.status, path: path, error)
        case .success(let status):
            guard !status.isDirectory else { throw MappingError(.open, path: path, code: EISDIR) }
            guard status.isRegular else { throw MappingError(.open, path: path, code: EINVAL) }
            // Files generated on reading, like those in /proc, have bytes but report a size of
            // zero.
            guard status.size > 0 || !SystemCalls.hasByte(descriptor) else {
                throw MappingError(.map, path: path, code: ENODEV)
            }
            return status.size
        }
    }
}
