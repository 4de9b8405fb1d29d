import Foundation
import Holdfast

/// The name of a process, for people.
enum ProcessName {
    /// The name for a table.
    static func shown(_ opening: OpenView) -> String {
        opening.isInOtherNamespace ? "(other namespace)" : of(opening) ?? "?"
    }

    /// Returns the name, or nil if the process has ended, may not be inspected, or has its number
    /// in another PID namespace.
    static func of(_ opening: OpenView) -> String? {
        opening.isInOtherNamespace ? nil : of(opening.processNumber)
    }

    private static func of(_ number: Int32) -> String? {
        #if canImport(Darwin)
            // Untested on macOS.
            var name = [CChar](repeating: 0, count: 256)
            guard proc_name(number, &name, UInt32(name.count)) > 0 else { return nil }
            return String(
                decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        #else
            guard let text = try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8)
            else { return nil }
            return text.trimmingCharacters(in: .newlines)
        #endif
    }
}

extension OpenView {
    fileprivate var isOfThisProcess: Bool { processNumber == getpid() && !isInOtherNamespace }
}

extension HeapStatistics {
    /// The openings without those of the command itself.
    var openingsOfOthers: [OpenView] { otherOpenings.filter { !$0.isOfThisProcess } }
}
