import CHoldfast

#if canImport(Darwin)
    import Darwin
#endif

/// Files without a name, for a disk in memory.
extension SystemFile {
    /// A new, empty file in memory, which ends with its last descriptor and mapping. `name` is the
    /// path in errors.
    static func inMemory(named name: String) throws(SystemError) -> SystemFile {
        #if canImport(Darwin)
            // Its objects in memory can be neither read nor extended: a temporary file without a
            // name. Untested on a Mac.
            let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            let descriptor = "\(folder)/holdfast-XXXXXX".withCString { template -> Int32 in
                guard let path = strdup(template) else { return -1 }
                defer { free(path) }
                let descriptor = mkostemp(path, O_CLOEXEC)
                if descriptor >= 0 { unlink(path) }
                return descriptor
            }
        #else
            let descriptor = unsafe holdfast_memory_file("holdfast")
        #endif
        guard descriptor >= 0 else { throw SystemError(.open, name, .current) }
        return SystemFile(path: name, descriptor: descriptor)
    }
}
