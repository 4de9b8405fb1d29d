import ExampleSupport
import Holdfast

func send(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let text = try arguments.next()
    try arguments.end()
    try withHeap(path, Mailbox.self) { heap in
        let queue = Queue(heap: heap)
        // Without a TEXT, each line of standard input is one message.
        while let line = text ?? readLine() {
            while try !queue.send({ _ in line }) {
                _ = try queue.wait { $0.queue.count < Queue.limit }
            }
            if text != nil { return }
        }
    }
}

func receive(_ arguments: inout Arguments) throws {
    let waits = arguments.flag("--wait")
    let limit = try arguments.option("--limit", in: 1 ... .max) ?? .max
    let path = try arguments.next("HEAP")
    try arguments.end()
    try withHeap(path, Mailbox.self) { heap in
        let queue = Queue(heap: heap)
        var received = 0
        while received < limit {
            if let message = try queue.receive() {
                // Only now: a printed message has been processed permanently. A process that is
                // killed before this line has processed it as well, but does not print it.
                say(message.text)
                received += 1
            } else if waits {
                _ = try queue.wait { !$0.queue.isEmpty }
            } else {
                return
            }
        }
    }
}

func status(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    try arguments.end()
    let (account, waiting) = try withHeap(path, Mailbox.self, .readOnly) { heap in
        try Queue(heap: heap).account()
    }
    say(
        "\(account.sent) sent, \(waiting) waiting, \(account.handled) handled, \(account.lost) "
            + "lost, \(account.repeated) handled twice"
    )
}
