import ExampleSupport
import Foundation
import Holdfast
import TrackerModel

// The commands that change the heap. Each is one transaction, except the import.

func add(_ arguments: inout Arguments) throws {
    let due = try arguments.option("--due").map(day)
    let path = try arguments.next("HEAP")
    let project = try arguments.next("PROJECT")
    let title = try arguments.next("TITLE")
    try arguments.end()
    let id = try withTracker(path) { heap in
        try heap.write { try $0.add(title, to: project, due: due) }
    }
    say("issue \(id)")
}

func start(_ arguments: inout Arguments) throws {
    try change(&arguments) { $0.state = .started }
}

func finish(_ arguments: inout Arguments) throws {
    try change(&arguments) { $0.state = .finished }
}

func estimate(_ arguments: inout Arguments) throws {
    try change(&arguments, "HOURS") { issue, text in
        guard let hours = Double(text), hours >= 0 else {
            throw WrongUsage("HOURS is a number from 0, not \"\(text)\"")
        }
        issue.hours = hours
    }
}

func tag(_ arguments: inout Arguments) throws {
    try change(&arguments, "TAG") { $0.tags.insert($1) }
}

func comment(_ arguments: inout Arguments) throws {
    try change(&arguments, "TEXT") { $0.comments.append(Comment($1)) }
}

func importFile(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let file = try arguments.next("FILE")
    try arguments.end()
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try withTracker(path) { heap in
        try Tracker.importIssues(from: text, named: file, into: heap) { say("\($0) lines") }
    }
}

// MARK: Parts

private func change(_ arguments: inout Arguments, _ body: (inout Issue) -> Void) throws {
    let path = try arguments.next("HEAP")
    let id = try issue(&arguments)
    try arguments.end()
    try withTracker(path, existing: true) { heap in try heap.write { try $0.change(id, body) } }
}

private func change(
    _ arguments: inout Arguments, _ what: String, _ body: (inout Issue, String) throws -> Void
) throws {
    let path = try arguments.next("HEAP")
    let id = try issue(&arguments)
    let text = try arguments.next(what)
    try arguments.end()
    try withTracker(path, existing: true) { heap in
        try heap.write { tracker in try tracker.change(id) { try body(&$0, text) } }
    }
}

func issue(_ arguments: inout Arguments) throws -> Issue.RowID {
    Issue.RowID(UInt64(try arguments.number("NUMBER", in: 1 ... .max)))
}

func day(_ text: String) throws -> Date {
    guard let date = Day.date(text) else {
        throw WrongUsage("\"\(text)\" is not a day; write it as 2026-12-24")
    }
    return date
}

func withTracker<R>(
    _ path: String, _ mode: OpenMode = .readWrite, existing: Bool = false,
    _ body: (TypedHeap<Tracker>) throws -> R
) throws -> R {
    try withHeap(
        path, Tracker.self, mode, existing: existing, migrations: Tracker.migrations, body)
}
