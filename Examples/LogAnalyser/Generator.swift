import ExampleSupport
import Foundation

/// Creates a web server's log, or appends to one. An hour has several thousand requests, most of
/// them for a few paths, and a few requests are slow.
func generate(_ arguments: inout Arguments) throws {
    let isAppending = arguments.flag("--append")
    let path = try arguments.next("LOG")
    let bytes = try arguments.number("MEGABYTES", in: 1 ... 1_000_000) * 1_000_000
    try arguments.end()
    // Continues approximately where the log ends: a line has about 95 bytes.
    let before =
        isAppending
        ? (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0 : 0
    var random = SplitMix(seed: UInt64(before))
    var clock = before / 95
    var writer = try FileWriter(path, appending: isAppending)
    var written = 0
    var lines = 0
    while written < bytes {
        let line = request(clock, &random)
        try writer.write(line)
        written += line.utf8.count
        clock += 1
        lines += 1
    }
    try writer.flush()
    say("\(lines) lines written to \(path)")
}

/// Returns the request with this number. There are four per second.
private func request(_ number: Int, _ random: inout SplitMix) -> String {
    let seconds = number / 4
    let (day, hour) = (1 + seconds / 86_400 % 28, seconds / 3600 % 24)
    let bits = random.next()
    let status = [200, 200, 200, 200, 200, 200, 304, 304, 404, 500][Int(bits % 10)]
    // The smaller of two numbers, so that some pages are requested more often than others.
    let page = min(bits >> 8 & 0xfff, bits >> 20 & 0xfff)
    let microseconds = 200 + (bits >> 32 & 0x3fff) + (bits >> 46 & 0xffff == 0 ? 900_000 : 0)
    let time =
        "\(padded(day))/Nov/2026:\(padded(hour)):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    let bytes = status == 304 ? 0 : 500 + (bits >> 40 & 0xffff)
    return "10.\(bits >> 8 & 0xff).\(bits >> 16 & 0xff).\(bits >> 24 & 0xff) - - [\(time) +0000] "
        + "\"GET /page/\(page)?from=\(bits & 0xff) HTTP/1.1\" \(status) \(bytes) "
        + "0.\(padded(Int(microseconds), to: 6))\n"
}

private func padded(_ number: Int, to width: Int = 2) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(width - text.count, 0)) + text
}
