import Foundation
import Holdfast

// What is kept. These are ordinary structs: the protocol needs no code of theirs, and nothing is
// encoded or decoded. A field is read from the file where it lies when it is asked for, and changed
// there.

/// Something that has to be done.
struct TodoItem: PersistableRecord {
    var title: String
    var due: Date?
    /// When it was done; nil while it is open.
    var done: Date?
    /// Who does it. A reference, not a copy: if the person moves, every task knows.
    var assignee: Ref<Person>?
    /// Belong to the task, and go with it.
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

    /// Makes what is not there yet.
    init(_ tx: borrowing WriteTransaction) throws {
        tasks = try tx.sortedMap("tasks", Int.self, TodoItem.self)
        people = try tx.map("people", String.self, Person.self)
    }

    init(_ tx: borrowing ReadTransaction) throws {
        tasks = try tx.sortedMap("tasks", Int.self, TodoItem.self)
        people = try tx.map("people", String.self, Person.self)
    }

    /// The task with this number, to be read and changed in its place.
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

/// Thrown inside a transaction: nothing of it is kept.
struct NoSuchThing: Error, CustomStringConvertible {
    let description: String
    init(_ what: String) { description = "there is no \(what)" }
}
