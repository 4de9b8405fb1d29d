package import Foundation
package import Holdfast

extension Tracker {
    /// Imports issues from text with a line for each: project, title and day, separated by tabs.
    ///
    /// A thousand lines are one transaction, which also counts them. So other threads and processes
    /// read and write between two of them, and an import that was killed goes on where it stopped.
    /// `name` identifies the text.
    package static func importIssues(
        from text: String, named name: String, into heap: TypedHeap<Tracker>,
        progress: (Int) -> Void = { _ in }
    ) throws {
        let lines = text.split(separator: "\n")
        var done = try heap.read { $0.importedLines[name] ?? 0 }
        while done < lines.count {
            let batch = lines[done...].prefix(1000)
            done = try heap.write { tracker in
                // Another process may import the same text.
                guard tracker.importedLines[name, default: 0] == done else {
                    return tracker.importedLines[name, default: 0]
                }
                for line in batch { try tracker.addLine(line) }
                tracker.importedLines[name] = done + batch.count
                return done + batch.count
            }
            progress(done)
        }
    }

    private func addLine(_ line: Substring) throws {
        let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw BadLine(line: String(line), reason: "it needs a project, a title and a day")
        }
        let due = Day.date(parts[2])
        guard due != nil || parts[2].isEmpty else {
            throw BadLine(line: String(line), reason: "\(parts[2]) is not a day")
        }
        try add(parts[1], to: parts[0], due: due)
    }
}

/// A line that is not an issue. The lines of its transaction are not imported.
package struct BadLine: Error, CustomStringConvertible {
    package let line: String
    package let reason: String
    package var description: String { "cannot import \"\(line)\": \(reason)" }
}

/// Days as people write them, in UTC: 2026-12-24.
package enum Day {
    private static var style: Date.ISO8601FormatStyle { .iso8601.year().month().day() }

    package static func text(_ date: Date) -> String { date.formatted(style) }

    package static func date(_ text: String) -> Date? {
        guard let date = try? Date(text, strategy: style), self.text(date) == text else {
            return nil
        }
        return date
    }
}
