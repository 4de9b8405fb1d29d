package import Foundation
package import Holdfast

extension Tracker {
    /// A report as text, by project. Made from a snapshot, it is of one moment, however long it
    /// takes and whatever is written meanwhile.
    package func report(at now: Date) -> String {
        var text = "Issues on \(Day.text(now))\n"
        for project in projects.ordered(by: \.name) {
            let issues = issues.ordered(by: \.project)[project.id]
            let isOpen = issues.filter { $0.state != .finished }
            let hours = isOpen.compactMap(\.hours).reduce(0, +)
            text += "\n\(project.name): \(isOpen.count) of \(issues.count) open, \(hours) hours\n"
            for issue in isOpen { text += "  " + Self.line(issue) + "\n" }
        }
        let late = overdue(at: now)
        if late.isEmpty { return text }
        return text + "\nOverdue: \(late.map { "\($0.id)" }.joined(separator: ", "))\n"
    }

    /// An issue on one line.
    package static func line(_ issue: PersistentTable<Issue>.Row) -> String {
        var line = "\(issue.id) [\(issue.state)] \(issue.title)"
        if let due = issue.due { line += ", due \(Day.text(due))" }
        if !issue.tags.isEmpty { line += " #" + issue.tags.sorted().joined(separator: " #") }
        return line
    }
}
