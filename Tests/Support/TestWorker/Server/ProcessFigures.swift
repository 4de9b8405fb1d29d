import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The system's statistics of this process.
enum ProcessFigures {
    /// A field of one of the files in `/proc/self`, in its own unit.
    private static func field(_ name: String, in path: String) -> Int {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
        for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
            return Int(line.dropFirst(name.count + 1).split { $0 == " " || $0 == "\t" }.first ?? "")
                ?? 0
        }
        return 0
    }

    /// Private anonymous memory in KiB.
    static var anonymous: Int { field("RssAnon", in: "/proc/self/status") }

    /// The memory of this process in KiB, with shared pages counted in proportion.
    static var proportional: Int { field("Pss", in: "/proc/self/smaps_rollup") }

    /// The number of voluntary context switches of all threads.
    static var sleeps: Int {
        let threads =
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.reduce(0) {
            $0 + field("voluntary_ctxt_switches", in: "/proc/self/task/\($1)/status")
        }
    }

    /// CPU time of all threads in microseconds.
    static var processorTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}
