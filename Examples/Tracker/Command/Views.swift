import Dispatch
import ExampleSupport
import Foundation
import Holdfast
import TrackerModel

// The commands that read the heap.

func list(_ arguments: inout Arguments) throws {
    let all = arguments.flag("--all")
    let project = try arguments.option("--project")
    let path = try arguments.next("HEAP")
    try arguments.end()
    let lines = try withTracker(path, .readOnly) { heap in
        try heap.read { tracker in
            tracker.issues(of: project).filter { all || $0.state != .finished }
                .map(Tracker.line)
        }
    }
    for line in lines { say(line) }
}

func show(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let id = try issue(&arguments)
    try arguments.end()
    let text = try withTracker(path, .readOnly) { heap in
        try heap.read { tracker in
            let issue = try tracker.issue(id)
            let project = tracker.projects[issue.project]?.name ?? "no project"
            let comments = issue.comments.map { "\n  \(Day.text($0.written)): \($0.text)" }
            return "\(project): " + Tracker.line(issue) + comments.joined()
        }
    }
    say(text)
}

func report(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    try arguments.end()
    let text = try withTracker(path, .readOnly) { heap in
        try heap.snapshot().read { $0.report(at: .now) }
    }
    say(text)
}

/// Prints the counts now, and again after each commit of any process that changes them.
func watch(_ arguments: inout Arguments) throws {
    let changes = try arguments.option("--changes", in: 0 ... 1_000_000)
    let path = try arguments.next("HEAP")
    try arguments.end()
    try withTracker(path, existing: true) { heap in
        // A command is not a task; an app would iterate in one of its own.
        let end = DispatchSemaphore(value: 0)
        Task {
            var left = changes ?? .max
            for try await counts in heap.observe({ $0.counts }) {
                say(State.allCases.map { "\($0) \(counts[$0] ?? 0)" }.joined(separator: ", "))
                if left == 0 { break }
                left -= 1
            }
            end.signal()
        }
        end.wait()
    }
}

func backup(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let copy = try arguments.next("COPY")
    try arguments.end()
    // Of one moment; others go on writing meanwhile.
    try withTracker(path, .readOnly) { heap in try heap.heap.copy(to: copy) }
}
