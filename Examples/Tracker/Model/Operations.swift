package import Foundation
package import Holdfast

// What the program does with its data. A `Tracker` belongs to a transaction, so each of these can
// be combined with others into one that happens as a whole.

extension Tracker {
    /// The project with this name, which is created if there is none.
    package func project(named name: String) throws -> Project.RowID {
        try projects.ordered(by: \.name)[name].first?.id
            ?? projects.insert(Project(name: name))
    }

    @discardableResult
    package func add(_ title: String, to project: String, due: Date? = nil) throws -> Issue.RowID {
        issues.insert(Issue(title, try self.project(named: project), due: due))
    }

    package func issue(_ id: Issue.RowID) throws -> PersistentTable<Issue>.Row {
        guard let issue = issues.row(id) else { throw NoSuchIssue(id: id) }
        return issue
    }

    /// Changes an issue with `body`.
    package func change(_ id: Issue.RowID, _ body: (inout Issue) throws -> Void) throws {
        guard try issues.update(id, body) != nil else { throw NoSuchIssue(id: id) }
    }

    /// The issues of a project in the order of their numbers; of all projects in the order of the
    /// days they are due, those without a day last.
    package func issues(of project: String?) -> [PersistentTable<Issue>.Row] {
        guard let project else {
            let byDay = issues.ordered(by: \.due)
            return Array(byDay[Date.distantPast...]) + Array(byDay[nil])
        }
        guard let id = projects.ordered(by: \.name)[project].first?.id else { return [] }
        return Array(issues.ordered(by: \.project)[id])
    }

    /// The issues that should be finished by now and are not, the oldest first.
    package func overdue(at now: Date) -> [PersistentTable<Issue>.Row] {
        issues.ordered(by: \.due)[..<now].filter { $0.state != .finished }
    }

    /// The number of issues in each state. Counts entries of the index, and reads no issue.
    package var counts: [State: Int] {
        let byState = issues.ordered(by: \.state)
        return Dictionary(uniqueKeysWithValues: State.allCases.map { ($0, byState[$0].count) })
    }
}
