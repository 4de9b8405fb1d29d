import Foundation

// What is large: each case of the table in Docs/Performance.md, one a process, in a folder of its
// own below the current one.
let cases: [String: (usual: Int, run: (Int) throws -> Void)] = [
    "roots": (100_000, roots), "bytes": (1024, bytes), "bytes-beside": (1024, bytesBeside),
    "array": (1_000_000_000, array), "sparse": (1_000_000_000, sparse),
    "nested": (100_000, nested), "list": (10_000_000, list), "map": (100_000_000, map),
    "map-transactions": (30_000_000, mapTransactions), "transaction": (10_000_000, transaction),
    "heaps": (1000, heaps), "archive": (10_000_000, archive),
]

let arguments = CommandLine.arguments
guard arguments.count > 1, let found = cases[arguments[1]] else {
    print("usage: scale CASE [COUNT]; cases: \(cases.keys.sorted().joined(separator: " "))")
    exit(2)
}
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: folder) }
print("| \(arguments[1]) | time | memory | file |\n|---|---|---|---|")
try found.run(arguments.count > 2 ? Int(arguments[2])! : found.usual)
