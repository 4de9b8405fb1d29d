// Keeps a list of tasks, and the people who do them, in a heap: Swift structs that are there again
// in the next run.

import ExampleSupport

let program = Program(
    "task-list",
    help: """
        usage: task-list add HEAP TITLE [--due YYYY-MM-DD] [--for NAME]   add a task, and print its number
               task-list list HEAP [--all]                               open tasks, most urgent first; --all: done ones too
               task-list find HEAP TEXT                                  tasks with TEXT in the title, a note or the name
               task-list done HEAP NUMBER                                mark a task as done
               task-list note HEAP NUMBER TEXT                           add a note to a task
               task-list remove HEAP NUMBER                              forget a task
               task-list person HEAP NAME [--mail MAIL] [--street STREET] [--city CITY]
                                                                         add a person, or change what is known of them
        """)
program.run([
    "add": add, "list": list, "find": find, "done": done, "note": note, "remove": remove,
    "person": person,
])
