import ExampleSupport
import Foundation
import Holdfast

func list(_ arguments: inout Arguments) throws {
    let all = arguments.flag("--all")
    let path = try arguments.next("HEAP")
    try arguments.end()
    try show(path) { all || $0.done == nil }
}

func find(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let text = try arguments.next("TEXT")
    try arguments.end()
    try show(path) { task in
        task.title.localizedCaseInsensitiveContains(text)
            || task.notes.contains { $0.text.localizedCaseInsensitiveContains(text) }
            || task.assignee?.name.localizedCaseInsensitiveContains(text) == true
    }
}

/// Prints the tasks that satisfy `isWanted`, with their notes, the most urgent first.
private func show(_ path: String, _ isWanted: (TodoItem) -> Bool) throws {
    let lines = try withHeap(path, TaskList.self, .readOnly) { heap in
        try heap.read { list in
            list.tasks
                .filter { isWanted($0.value) }
                .sorted {
                    ($0.value.due ?? .distantFuture, $0.key) < (
                        $1.value.due ?? .distantFuture, $1.key
                    )
                }
                .flatMap {
                    [line($0.key, $0.value)]
                        + $0.value.notes.map { "       \(text($0.written)): \($0.text)" }
                }
        }
    }
    if !lines.isEmpty { say(lines.joined(separator: "\n")) }
}

private func line(_ number: Int, _ task: TodoItem) -> String {
    var line = "\(number)".leftPadded(to: 4) + (task.done == nil ? " [ ] " : " [x] ") + task.title
    if let due = task.due { line += ", due \(text(due))" }
    // Follows the reference to the person's current record.
    if let person = task.assignee {
        let address = person.address.map { [$0.street, $0.city] } ?? []
        let details = ([person.mail ?? ""] + address).filter { !$0.isEmpty }
        line +=
            ", for \(person.name)"
            + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")
    }
    return line
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(width - count, 0)) + self
    }
}
