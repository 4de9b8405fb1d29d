import Foundation

/// Memory of a process, in bytes, as the system accounts for it.
struct Memory {
    /// All pages that it has mapped and that are in memory, shared with other processes or not.
    var resident = 0
    /// The same, but a page that several processes have counts for each of them as its share: the
    /// sum over all processes is what they take together.
    var proportional = 0

    /// Nil where the system does not say; only Linux does, in `/proc`.
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
