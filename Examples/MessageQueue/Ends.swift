import ExampleSupport
import Holdfast

// The two ends of the demonstration's queue. Each is a process of its own that may be killed at any
// moment. All of their state is in the heap.

/// Sends messages until the goal is reached, counting those of senders that were killed before it.
func sender(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    try arguments.end()
    try withHeap(path, Mailbox.self, existing: true) { heap in
        let queue = Queue(heap: heap)
        while case let account = try queue.account().account, account.sent < account.goal {
            Parent.require()
            let isSent = try queue.send(if: { $0.sent < $0.goal }) { "message \($0)" }
            if !isSent { _ = try queue.wait { $0.queue.count < Queue.limit / 2 } }
        }
    }
}

/// Processes messages until the goal has been sent and none is waiting.
func receiver(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    try arguments.end()
    try withHeap(path, Mailbox.self, existing: true) { heap in
        let queue = Queue(heap: heap)
        while case let (account, waiting) = try queue.account(),
            account.sent < account.goal || waiting > 0
        {
            Parent.require()
            if try queue.receive() == nil {
                _ = try queue.wait {
                    !$0.queue.isEmpty || $0.account.value.sent >= $0.account.value.goal
                }
            }
        }
    }
}
