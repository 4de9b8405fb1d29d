import CHoldfast
import MemoryMapping

/// The name of a file while it is being created, before it is renamed to its final name.
///
/// It is always the same for one path, so that the leftover of a process that died is found by the
/// next process. It ends with a checksum of the final name, sixteen hexadecimal digits, which no
/// user chooses by chance. That and the beginning of the file prove that the file is a leftover. A
/// name that would become too long is shortened.
package enum WorkingName {
    private static let seed: UInt64 = 0x776f_726b_696e_6721
    private static let longestName = 255
    private static let longestPath = 4095

    package static func path(for path: String, suffix: String) -> String {
        let name = PathBytes.bytes(of: PathBytes.name(of: path))
        let checksum = unsafe name.withUnsafeBytes { bytes in
            let start = seed ^ UInt64(bytes.count)
            return unsafe bytes.baseAddress.map { unsafe holdfast_checksum(start, $0, bytes.count) }
                ?? start
        }
        let digits = String(checksum, radix: 16)
        let end = "-" + String(repeating: "0", count: 16 - digits.count) + digits + suffix
        let folder = path.utf8.contains(UInt8(ascii: "/")) ? PathBytes.folder(of: path) : ""
        let place = folder.isEmpty || folder == "/" ? folder : folder + "/"
        let room = min(longestName, longestPath - PathBytes.bytes(of: place).count) - end.utf8.count
        return place + PathBytes.text(name.prefix(max(room, 0))) + end
    }

    /// Whether `file` begins like a file created under a working name: each sector at `offsets`,
    /// the places of the headers, is still zero or begins like a header (`isHeader`).
    package static func isLeftover(
        _ file: any DiskFile, headersAt offsets: [Int], _ isHeader: (UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) -> Bool {
        for offset in offsets {
            var sector = [UInt8](repeating: 0, count: 512)
            let count = try file.read(&sector, at: offset)
            let isBlank = !sector[..<count].contains { $0 != 0 }
            guard unsafe isBlank || sector.withUnsafeBytes(isHeader) else { return false }
        }
        return true
    }

    /// Frees the name for a new file: removes a leftover. Throws `foreignFile` if the file is not a
    /// leftover.
    package static func clear(
        _ path: String, disk: any Disk, headersAt offsets: [Int],
        _ isHeader: (UnsafeRawBufferPointer) -> Bool
    ) throws(SystemError) {
        let file: any DiskFile
        do throws(SystemError) { file = try disk.openBeside(path, .readOnly) } catch {
            if error.errno == .noSuchFileOrDirectory { return }
            throw error
        }
        defer { file.close() }
        guard unsafe try isLeftover(file, headersAt: offsets, isHeader) else {
            throw SystemError.foreignFile(path: path, .otherContents)
        }
        try disk.remove(path)
    }
}
