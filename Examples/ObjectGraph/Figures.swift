import ExampleSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

func report(_ what: String, _ nodes: Int, _ seconds: Double) {
    say(
        "\(what) \(nodes) nodes in \(microseconds(seconds)): \(rate(nodes, seconds)) nodes a second"
    )
}

func microseconds(_ seconds: Double) -> String {
    let micro = Int((seconds * 1e6).rounded())
    return micro < 10_000 ? "\(micro) us" : "\(micro / 1000) ms"
}

/// Returns the size of the file in bytes, or nil if there is none.
func fileSize(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
}

/// Returns the number of bytes of memory that this process uses now, or 0 if the system does not
/// provide it.
func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
        return 0
    }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

func fail(_ text: String, status: Int32) -> Never {
    remark(text)
    exit(status)
}
