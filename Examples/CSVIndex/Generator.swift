import ExampleSupport
import MemoryMapping

/// Creates a file of sales, or appends to one. The same arguments give the same file on every
/// machine.
func generate(_ arguments: inout Arguments) throws {
    let isAppending = arguments.flag("--append")
    let path = try arguments.next("FILE")
    let count = try arguments.number("ROWS", in: 0 ... 1_000_000_000)
    try arguments.end()
    let first = isAppending ? try rowCount(path) + 1 : 1
    var random = SplitMix(seed: UInt64(first))
    var writer = try FileWriter(path, appending: isAppending)
    if !isAppending { try writer.write("id,date,city,price,note\n") }
    for id in first ..< first + count { try writer.write(sale(id, &random)) }
    try writer.flush()
    say("\(count) rows written to \(path)")
}

private func rowCount(_ path: String) throws -> Int {
    try MappedFile(path: path).withBytes { bytes in
        var row = Row()
        var rows = -1
        while row.read(bytes, at: row.end) { rows += 1 }
        return max(rows, 0)
    }
}

private func sale(_ id: Int, _ random: inout SplitMix) -> String {
    let day = 1 + id / 50 % 28
    let month = 1 + id / 1400 % 12
    let date = "2026-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
    let city = ["Berlin", "Lima", "Oslo", "Paris", "Quito", "Rome", "\"Washington, D.C.\""]
        .randomElement(using: &random)!
    let cents = Int.random(in: 100 ... 99_999, using: &random)
    let price = "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
    // Commas, quotes and newlines inside quotes, as they occur in real files.
    let note = ["", "", "", "\"paid, in cash\"", "\"a \"\"gift\"\"\"", "\"two\nlines\""]
        .randomElement(using: &random)!
    return "\(id),\(date),\(city),\(price),\(note)\n"
}
