// Tables used in ways that their declarations do not allow.
import Foundation
import Holdfast

struct Point {}

@Persistable struct Task {
    var title: String
    @Indexed var due: Date
    @Indexed(.unique) var code: String
}

func find(_ tasks: PersistentTable<Task>, _ id: Task.RowID) throws {
    // expected: value of type 'Task.Indexes' has no member 'title'
    // expected: generic parameter 'Key' could not be inferred
    _ = tasks.ordered(by: \.title)
    // expected: call can throw but is not marked with 'try'
    tasks.insert(Task(title: "", due: .now, code: ""))
    // expected: another row may have a value that must be unique; use update or replace
    tasks[id]?.title = ""
}

func replace(_ reference: HeapRef<PersistentTable<Task>>, _ table: PersistentTable<Task>) {
    // expected: a table is replaced where it is stored, not through a reference to it
    reference.record = table
}

// expected: type 'Date' does not conform to protocol 'TableValue'
func make(_ table: PersistentTable<Date>) {}
