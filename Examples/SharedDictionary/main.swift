// A dictionary that many processes read and one changes, and that is in memory once.

import ExampleSupport

let program = Program(
    "shared-dictionary",
    help: """
        usage: shared-dictionary build HEAP FILE                 make a dictionary of FILE, which has WORD, tab, MEANING in each line
               shared-dictionary look-up HEAP WORD               print what WORD means
               shared-dictionary define HEAP WORD MEANING        add a word, or change what it means
               shared-dictionary demo HEAP [--readers N] [--changes N]
                                                                 let N processes read it while words in it are changed,
                                                                 and show how much memory they take together
               shared-dictionary generate FILE WORDS             make a FILE to try it on
        """)
program.run([
    "build": build, "look-up": lookUp, "define": define, "demo": demo, "generate": generate,
    "reader": reader,
])
