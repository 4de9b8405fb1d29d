// Tracks the issues of projects, in one file that several people's programs can use at once.

import ExampleSupport
import Foundation
import Holdfast
import TrackerModel

let program = Program(
    "tracker",
    help: """
        usage: tracker add HEAP PROJECT TITLE [--due YYYY-MM-DD]    add an issue, and print its number
               tracker list HEAP [--project NAME] [--all]           open issues; --all: finished ones too
               tracker start HEAP NUMBER                            work on an issue
               tracker finish HEAP NUMBER                           finish an issue
               tracker estimate HEAP NUMBER HOURS                   say how long an issue takes
               tracker tag HEAP NUMBER TAG                          tag an issue
               tracker comment HEAP NUMBER TEXT                     comment on an issue
               tracker show HEAP NUMBER                             an issue with its comments
               tracker import HEAP FILE                             import lines of project, title and
                                                                    day, separated by tabs
               tracker watch HEAP [--changes N]                     print the counts when they change
               tracker report HEAP                                  everything, by project
               tracker backup HEAP COPY                             copy the heap
        """)
program.run([
    "add": add, "list": list, "start": start, "finish": finish, "estimate": estimate, "tag": tag,
    "comment": comment, "show": show, "import": importFile, "watch": watch, "report": report,
    "backup": backup,
])
