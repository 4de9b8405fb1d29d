import Holdfast
import HoldfastInspection
import HoldfastTools

/// The output of `stats`: the sizes of the file and the log, and the use of each part.
enum Statistics {
    static func lines(of heap: PersistentHeap) throws -> [String] {
        let figures = try heap.statistics()
        var rows = [
            (
                "file",
                "\(Figures.bytes(figures.fileBytes)), \(Figures.bytes(figures.diskBytes)) of the "
                    + "disk"
            ),
            (
                "used",
                "\(Figures.bytes(figures.usedBytes)), and \(Figures.bytes(figures.overheadBytes)) "
                    + "for the heap's own records"
            ),
            (
                "free",
                "\(Figures.bytes(figures.freeBytes)), of which "
                    + "\(Figures.bytes(figures.freeTailBytes)) behind the heap's end"
            ),
            (
                "log",
                "\(Figures.bytes(figures.logBytes)) in "
                    + "\(Figures.count(figures.logCommits, "commit")) since the last checkpoint"
            ),
            ("commits", "\(Figures.count(figures.commits)) in all"),
            ("open in", Figures.count(figures.otherOpenings.count + 1, "place")),
        ]
        for root in try heap.rootStatistics() {
            let name = Name.text(root.root.name)
            rows.append(
                (
                    "root \(name)",
                    root.bytes.map {
                        "\(Figures.bytes($0)) in \(Figures.count(root.blocks ?? 0, "block"))"
                    }
                        ?? "of an unknown type"
                ))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0 + String(repeating: " ", count: width - $0.count + 2) + $1 }
    }
}
