import Foundation

/// What a process is called, for people.
enum ProcessName {
    /// Nil if it has ended, or may not be asked.
    static func of(_ number: Int32) -> String? {
        #if canImport(Darwin)
            // Untested: no Mac was at hand.
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
