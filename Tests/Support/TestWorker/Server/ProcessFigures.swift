import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What the system says of this process.
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

    /// KiB of memory that is this process's alone and in no file.
    static var anonymous: Int { field("RssAnon", in: "/proc/self/status") }

    /// KiB that this process costs, pages that several share counted in proportion.
    static var proportional: Int { field("Pss", in: "/proc/self/smaps_rollup") }

    /// How often any thread has gone to sleep of its own accord.
    static var sleeps: Int {
        let threads =
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return threads.reduce(0) {
            $0 + field("voluntary_ctxt_switches", in: "/proc/self/task/\($1)/status")
        }
    }

    /// Microseconds of CPU time of all threads.
    static var processorTime: Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }
}
