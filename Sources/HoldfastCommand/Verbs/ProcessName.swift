import Foundation

/// The name of a process, for people.
enum ProcessName {
    /// Returns the name, or nil if the process has ended or may not be inspected.
    static func of(_ number: Int32) -> String? {
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
