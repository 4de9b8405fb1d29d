import Foundation
import Holdfast

/// A day of work: commits of one entry each to a map of a million, archived every 100,000 commits.
func archive(_ count: Int) throws {
    let folder = "\(folder)/archive"
    let entries = 1_000_000
    try PersistentHeap.build(path) { tx in
        let map = try tx.map("m", UInt64.self, UInt64.self)
        for number in 0 ..< entries { map[scattered(number)] = UInt64(number) }
    }
    let heap = try PersistentHeap.open(path)
    try step("archive the whole heap") { try heap.archive(to: folder) }
    let start = ContinuousClock.now
    var archiving = Duration.zero
    var longest = Duration.zero
    var middle: ArchiveReport?
    try step("\(count) commits, archived every 100,000") {
        for number in 0 ..< count {
            try heap.write { tx in
                try tx.map("m", UInt64.self, UInt64.self)[scattered(number * 7919 % entries)] =
                    UInt64(number)
            }
            guard (number + 1) % 100_000 == 0 else { continue }
            let began = ContinuousClock.now
            let report = try heap.archive(to: folder)
            let took = ContinuousClock.now - began
            require(!report.isBase && report.problems.isEmpty)
            archiving += took
            longest = max(longest, took)
            if number < count / 2 { middle = report }
        }
    }
    print("of \(ContinuousClock.now - start), \(archiving) to archive, at most \(longest)")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    let sizes = try files.map {
        try FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")[.size] as! Int
    }
    print("\(files.count) files, \(sizes.reduce(0, +) >> 20) MiB")
    let archive = HeapArchive(folder)
    try step("restore the newest state") { try archive.restore(to: copyPath, replacing: true) }
    if let middle {
        // The first of the commits after that run, so a part of a segment.
        try step("restore a commit in the middle") {
            try archive.restore(
                to: copyPath, at: .commit(middle.commit + 1), replacing: true)
        }
    }
    try step("verify") { try require(archive.verify().problems.isEmpty) }
    try step("keep the last ten segments") {
        try archive.prune(keeping: ArchiveRetention(segments: 10))
    }
    try step("restore the newest state again") {
        try archive.restore(to: copyPath, replacing: true)
    }
    try heap.close()
}
