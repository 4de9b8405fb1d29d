import Foundation

/// The memory of a process, in bytes, as the system accounts for it.
struct Memory {
    /// All mapped pages that are in memory, shared with other processes or not.
    var resident = 0
    /// The same, but a page that several processes share counts for each of them in part. The sum
    /// over all processes is the memory that they take together.
    var proportional = 0

    /// Nil if the system does not provide the figures; only Linux does, in `/proc`.
    init?(process: Int32) {
        guard
            let text = try? String(contentsOfFile: "/proc/\(process)/smaps_rollup", encoding: .utf8)
        else { return nil }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let kibibytes = Int(words[1]) else { continue }
            if words[0] == "Rss:" { resident = kibibytes * 1024 }
            if words[0] == "Pss:" { proportional = kibibytes * 1024 }
        }
    }
}
