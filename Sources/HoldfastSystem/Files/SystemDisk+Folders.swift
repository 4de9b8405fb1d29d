import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension SystemDisk {
    public func names(inFolder path: String) throws(SystemError) -> [String] {
        guard !path.utf8.contains(0) else { throw SystemError(.list, path, .invalidArgument) }
        guard let folder = unsafe PathBytes.withCString(path, { unsafe opendir($0) }) else {
            throw SystemError(.list, path, .current)
        }
        defer { unsafe closedir(folder) }
        let place = MemoryLayout<dirent>.offset(of: \.d_name)!
        var names: [String] = []
        while true {
            // The end and an error look the same but for this.
            errno = 0
            guard let entry = unsafe readdir(folder) else {
                guard errno == 0 else { throw SystemError(.list, path, .current) }
                return names
            }
            // The name ends with a zero, and may be longer than the field.
            let start = unsafe UnsafeRawPointer(entry) + place
            let name = unsafe PathBytes.text(cString: start.assumingMemoryBound(to: CChar.self))
            if name != ".", name != ".." { names.append(name) }
        }
    }
}
