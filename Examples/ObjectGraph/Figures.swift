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

/// The result of some work, and the seconds that it took.
func timed<R>(_ body: () throws -> R) rethrows -> (R, Double) {
    let start = ContinuousClock.now
    let result = try body()
    let took = (ContinuousClock.now - start).components
    return (result, Double(took.seconds) + Double(took.attoseconds) / 1e18)
}

func report(_ what: String, _ nodes: Int, _ seconds: Double) {
    let rate = seconds > 0 ? Int(Double(nodes) / seconds) : 0
    say("\(what) \(nodes) nodes in \(microseconds(seconds)): \(rate) nodes a second")
}

func microseconds(_ seconds: Double) -> String {
    let micro = Int((seconds * 1e6).rounded())
    return micro < 10_000 ? "\(micro) us" : "\(micro / 1000) ms"
}

func megabytes(_ bytes: Int) -> String {
    let tenths = bytes * 10 / 1_000_000
    return "\(tenths / 10).\(abs(tenths % 10)) MB"
}

/// Bytes of the file, or nil if there is none.
func fileSize(_ path: String) -> Int? {
    (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
}

/// Bytes of memory that this process has in use now; 0 where the system does not say.
func residentBytes() -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
        return 0
    }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

func say(_ text: String) { print(text) }

func fail(_ text: String, status: Int32) -> Never {
    _ = (text + "\n").withCString { write(2, $0, strlen($0)) }
    exit(status)
}
