// Counts a web server's log of many gigabytes, with the figures in a heap. Each run continues where
// the last one stopped, however that ended.

import ExampleSupport

let program = Program(
    "log-analyser",
    help: """
        usage: log-analyser count HEAP LOG [--portion KILOBYTES]   count what is new in LOG into HEAP
               log-analyser show HEAP                              print what has been counted
               log-analyser generate LOG MEGABYTES [--append]      make a LOG to try it on, or add to it
        """)
program.run(["count": count, "show": show, "generate": generate])
