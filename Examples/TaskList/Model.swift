import Foundation
import Holdfast

// The stored data. These are ordinary structs, and nothing is encoded or decoded. A field is read
// from the file on access, and changed in place.

/// A task.
@Persistable struct TodoItem {
    var title: String
    var due: Date?
    /// When it was done, or nil while it is open.
    var done: Date?
    /// The person who does it. A reference, not a copy: if the person moves, every task shows the
    /// new address.
    var assignee: HeapRef<Person>?
    /// The notes belong to the task, and are freed with it.
    var notes = PersistentArray<Note>()
}

@Persistable struct Note {
    var written: Date
    var text: String
}

@Persistable struct Person {
    var name: String
    var mail: String?
    /// A record inside a record.
    var address: Address?
}

@Persistable struct Address {
    var street: String
    var city: String
}

/// What the heap holds.
@HeapSchema struct TaskList {
    /// By number, in ascending order.
    var tasks: PersistentSortedMap<Int, TodoItem>
    var people: PersistentMap<String, Person>

    /// Returns the task with this number, to be read and changed in place.
    func task(_ number: Int) throws -> HeapRef<TodoItem> {
        guard let task = tasks[ref: number] else {
            throw NoSuchThing("task \(number); see task-list list --all")
        }
        return task
    }

    func person(_ name: String) throws -> HeapRef<Person> {
        guard let person = people[ref: name] else {
            throw NoSuchThing("person \"\(name)\"; add them first with task-list person")
        }
        return person
    }
}

/// Thrown inside a transaction, which is then rolled back.
struct NoSuchThing: Error, CustomStringConvertible {
    let description: String
    init(_ what: String) { description = "there is no \(what)" }
}
