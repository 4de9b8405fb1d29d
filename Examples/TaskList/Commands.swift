import ExampleSupport
import Foundation
import Holdfast

// Each command opens the heap, runs one transaction, and closes it. Nothing else is necessary for
// the next run to find everything.

func add(_ arguments: inout Arguments) throws {
    let due = try arguments.option("--due").map(day)
    let name = try arguments.option("--for")
    let path = try arguments.next("HEAP")
    let title = try oneLine(arguments.next("TITLE"))
    try arguments.end()
    let number = try withHeap(path, TaskList.self) { heap in
        try heap.write { list in
            let number = (list.tasks.last?.key ?? 0) + 1
            list.tasks[number] = TodoItem(
                title: title, due: due, done: nil, assignee: try name.map { try list.person($0) })
            return number
        }
    }
    say("task \(number)")
}

func done(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let number = try arguments.number("NUMBER", in: 1 ... .max)
    try arguments.end()
    // Touches one field of one record. The rest of the file is not even read.
    try withHeap(path, TaskList.self, existing: true) { heap in
        try heap.write { list in try list.task(number).done = Date() }
    }
}

func note(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let number = try arguments.number("NUMBER", in: 1 ... .max)
    let text = try oneLine(arguments.next("TEXT"))
    try arguments.end()
    try withHeap(path, TaskList.self, existing: true) { heap in
        try heap.write { list in
            try list.task(number).notes.append(Note(written: Date(), text: text))
        }
    }
}

func remove(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let number = try arguments.number("NUMBER", in: 1 ... .max)
    try arguments.end()
    try withHeap(path, TaskList.self, existing: true) { heap in
        try heap.write { list in
            _ = try list.task(number)
            // Frees the title and the notes too. The person stays, since a reference owns nothing.
            list.tasks.removeValue(forKey: number)
        }
    }
}

func person(_ arguments: inout Arguments) throws {
    let mail = try arguments.option("--mail").map(oneLine)
    let street = try arguments.option("--street").map(oneLine)
    let city = try arguments.option("--city").map(oneLine)
    let path = try arguments.next("HEAP")
    let name = try oneLine(arguments.next("NAME"))
    try arguments.end()
    try withHeap(path, TaskList.self) { heap in
        try heap.write { list in
            if !list.people.contains(name) {
                list.people[name] = Person(name: name, mail: nil, address: nil)
            }
            // In place, so that the tasks which refer to this person still do.
            let person = try list.person(name)
            if let mail { person.mail = mail }
            if street != nil || city != nil {
                let old = person.address
                person.address = Address(
                    street: street ?? old?.street ?? "", city: city ?? old?.city ?? "")
            }
        }
    }
}
