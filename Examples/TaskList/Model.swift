import Foundation
import Holdfast

// The stored data. These are ordinary structs: the protocol needs no code, and nothing is encoded
// or decoded. A field is read from the file on access, and changed in place.

/// A task.
struct TodoItem: PersistableRecord {
    var title: String
    var due: Date?
    /// When it was done, or nil while it is open.
    var done: Date?
    /// The person who does it. A reference, not a copy: if the person moves, every task shows the
    /// new address.
    var assignee: Ref<Person>?
    /// The notes belong to the task, and are freed with it.
    var notes = PersistentArray<Note>()
}

struct Note: PersistableRecord {
    var written: Date
    var text: String
}

struct Person: PersistableRecord {
    var name: String
    var mail: String?
    /// A record inside a record.
    var address: Address?
}

struct Address: PersistableRecord {
    var street: String
    var city: String
}

/// The named entry points of the heap.
struct Roots {
    /// By number, in ascending order.
    let tasks: PersistentSortedMap<Int, TodoItem>
    let people: PersistentMap<String, Person>

    /// Creates the roots that do not exist yet.
    init(_ tx: borrowing WriteTransaction) throws {
        tasks = try tx.sortedMap("tasks", Int.self, TodoItem.self)
        people = try tx.map("people", String.self, Person.self)
    }

    init(_ tx: borrowing ReadTransaction) throws {
        tasks = try tx.sortedMap("tasks", Int.self, TodoItem.self)
        people = try tx.map("people", String.self, Person.self)
    }

    /// Returns the task with this number, to be read and changed in place.
    func task(_ number: Int) throws -> Ref<TodoItem> {
        guard let task = tasks[ref: number] else {
            throw NoSuchThing("task \(number); see task-list list --all")
        }
        return task
    }

    func person(_ name: String) throws -> Ref<Person> {
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
