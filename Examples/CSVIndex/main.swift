// Keeps sorted indexes of a CSV file's columns in a heap next to it, and answers queries by reading
// only the matching lines.

import ExampleSupport

let program = Program(
    "csv-index",
    help: """
        usage: csv-index build FILE [--anew]                     index every column of FILE into FILE.index, or what has been added since
               csv-index query FILE COLUMN RANGE [--limit N]     print the rows whose COLUMN is in RANGE, in its order
               csv-index generate FILE ROWS [--append]           make a FILE of sales to try it on, or add to it

        RANGE is 10..20 (both included), 10.., ..20, or one value; numbers are compared as numbers, everything else as text.
        """)
program.run(["build": build, "query": query, "generate": generate])
