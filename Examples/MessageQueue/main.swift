// A queue of messages between processes that tolerates the death of either side: no message is
// lost, and none is processed twice.

import ExampleSupport

let program = Program(
    "message-queue",
    help: """
        usage: message-queue send HEAP [TEXT]                     send a message, or each line of standard input
               message-queue receive HEAP [--wait] [--limit N]    deal with all messages that are there; --wait: and with all that will come
               message-queue status HEAP                          how many have been sent and handled
               message-queue demo HEAP [--kills N]                let a sender and a receiver work, and kill one of them N times
        """)
program.run([
    "send": send, "receive": receive, "status": status, "demo": demo, "sender": sender,
    "receiver": receiver,
])
