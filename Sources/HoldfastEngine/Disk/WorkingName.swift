import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The name under which a file beside a heap is made, before it gets its own as a whole.
///
/// Always the same for one path, so that what a process has left that died meanwhile is found by
/// the next. It ends with a checksum of the name, sixteen hexadecimal digits, which nobody gives to
/// a file of his own: that and what the file begins with prove that it is a leftover. A name that
/// would become too long by it loses its end instead.
enum WorkingName {
    private static let seed: UInt64 = 0x776f_726b_696e_6721
    private static let longestName = 255
    private static let longestPath = 4095

    static func path(for path: String, suffix: String) -> String {
        let name = PathBytes.bytes(of: PathBytes.name(of: path))
        let checksum = name.withUnsafeBytes { Checksum.of($0, seed: seed ^ UInt64($0.count)) }
        let digits = String(checksum, radix: 16)
        let end = "-" + String(repeating: "0", count: 16 - digits.count) + digits + suffix
        let folder = path.utf8.contains(UInt8(ascii: "/")) ? PathBytes.folder(of: path) : ""
        let place = folder.isEmpty || folder == "/" ? folder : folder + "/"
        let room = min(longestName, longestPath - PathBytes.bytes(of: place).count) - end.utf8.count
        return place + PathBytes.text(name.prefix(max(room, 0))) + end
    }

    /// Whether `file` begins as what is made under such a name: at each of `offsets`, where its
    /// headers will be, nothing yet but zeros, or one that `isHeader` knows. The whole sector
    /// counts, as a disk writes it.
    static func isLeftover(
        _ file: any DiskFile, headersAt offsets: [Int], _ isHeader: (UnsafeRawBufferPointer) -> Bool
    ) throws(DiskError) -> Bool {
        for offset in offsets {
            var sector = [UInt8](repeating: 0, count: 512)
            let count = try file.read(&sector, at: offset)
            let isBlank = !sector[..<count].contains { $0 != 0 }
            guard isBlank || sector.withUnsafeBytes(isHeader) else { return false }
        }
        return true
    }

    /// Takes the name for a new file: removes the leftover that has it. Throws `claim` if it is
    /// none.
    static func clear(
        _ path: String, disk: any Disk, headersAt offsets: [Int],
        _ isHeader: (UnsafeRawBufferPointer) -> Bool
    ) throws(DiskError) {
        let file: any DiskFile
        do throws(DiskError) { file = try disk.openBeside(path, .readOnly) } catch {
            if error.code == ENOENT { return }
            throw error
        }
        defer { file.close() }
        guard try isLeftover(file, headersAt: offsets, isHeader) else {
            throw DiskError(.claim, path, code: EEXIST)
        }
        try disk.remove(path)
    }
}
