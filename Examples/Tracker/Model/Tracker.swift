package import Foundation
package import Holdfast

// What is stored. Each type is said once: these structs are the schema, the rows and the values.

/// What the heap holds.
@HeapSchema package struct Tracker {
    package var projects: PersistentTable<Project>
    package var issues: PersistentTable<Issue>
    /// How many lines of each file have been imported.
    package var importedLines: PersistentMap<String, Int>
}

@Persistable package struct Project {
    @Indexed(.unique) package var name: String
}

@Persistable package enum State: Int16, CaseIterable, PersistableOrderedKey {
    case open = 0
    case started = 1
    case finished = 2
}

@Persistable package struct Comment: Equatable {
    package var text: String
    package var written: Date

    package init(_ text: String, written: Date = .now) {
        self.text = text
        self.written = written
    }
}

@Persistable package struct Issue {
    package var title: String
    @Indexed package var project: Project.RowID
    @Indexed package var state = State.open
    @Indexed package var due: Date?
    /// The estimate.
    package var hours: Double?
    package var tags: Set<String> = []
    package var comments: [Comment] = []

    package init(_ title: String, _ project: Project.RowID, due: Date? = nil) {
        self.title = title
        self.project = project
        self.due = due
    }
}

extension Tracker {
    /// Brings the data of earlier versions of this program to the present one. Fields and indexes
    /// that are added or removed need no step.
    package static var migrations: [HeapMigration] {
        [
            // Version 0 estimated in days.
            HeapMigration(to: 1) { tx in
                let issues = try tx.table("issues", of: Issue.self)
                for id in issues.map(\.id) {
                    issues[id]?.hours = issues[id]?.hours.map { $0 * 8 }
                }
            }
        ]
    }
}

/// Thrown inside a transaction, which is then rolled back.
package struct NoSuchIssue: Error, CustomStringConvertible {
    package let id: Issue.RowID
    package var description: String { "there is no issue \(id)" }
}
