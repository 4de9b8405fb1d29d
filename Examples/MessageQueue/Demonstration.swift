import ExampleSupport
import Holdfast

/// Runs a sender and a receiver, and kills one or the other now and then.
func demo(_ arguments: inout Arguments) throws {
    let kills = try arguments.option("--kills", in: 0 ... 10_000) ?? 6
    let path = try arguments.next("HEAP")
    try arguments.end()
    try withHeap(path, Mailbox.self) { heap in
        let queue = Queue(heap: heap)
        // No limit as long as there are kills to come.
        try setGoal(queue) { _ in .max }
        var sender = try Child("sender", path)
        var receiver = try Child("receiver", path)
        for _ in 0 ..< kills {
            // Messages have arrived since the last time, so both are working.
            let handled = try wait(queue, more: Int.random(in: 1 ... 1000), sender, receiver)
            if Bool.random() {
                sender.destroy()
                say("killed the sender when \(handled) messages had been handled")
                sender = try Child("sender", path)
            } else {
                receiver.destroy()
                say("killed the receiver when \(handled) messages had been handled")
                receiver = try Child("receiver", path)
            }
        }
        try setGoal(queue) { $0.sent + 1000 }
        while sender.isRunning, receiver.isRunning {
            _ = try queue.heap.waitForChange(timeout: .seconds(1))
        }
        // The process that has ended first may have failed, and the other one would wait forever.
        for end in [sender, receiver].sorted(by: { !$0.isRunning && $1.isRunning }) {
            try end.waitForEnd()
        }
        let (end, waiting) = try queue.account()
        say(
            "\(end.sent) messages sent, \(waiting) waiting, \(end.handled) handled, \(end.lost) "
                + "lost, \(end.repeated) handled twice"
        )
        guard end.handled == end.sent, end.lost + end.repeated + waiting == 0 else {
            throw Problem("the queue has not kept its promise")
        }
    }
}

private func setGoal(_ queue: Queue, _ goal: (Account) -> Int) throws {
    try queue.heap.write { mailbox in
        mailbox.account.value.goal = goal(mailbox.account.value)
    }
}

/// Waits until `more` further messages have been processed. Returns the total number.
private func wait(_ queue: Queue, more: Int, _ sender: Child, _ receiver: Child) throws -> Int {
    let start = try queue.account().account.handled
    while try !queue.wait(until: { $0.account.value.handled >= start + more }) {
        // No message would ever arrive. The process has reported the reason on standard error.
        guard sender.isRunning, receiver.isRunning else {
            throw Problem("one end of the queue has failed")
        }
    }
    return try queue.account().account.handled
}
