import Holdfast

/// A message that one process sends to another, to be processed once.
@Persistable struct Message {
    /// Counted from 0, without gaps, so that the receiver can detect missing and repeated messages.
    var number: Int
    var text: String
}

/// The state of the work. The last three figures are the effect of processing messages; in another
/// program that would be a bill, or a row of a table.
@Persistable(.plain) struct Account {
    var sent = 0
    var handled = 0
    var bytes = 0
    /// The numbers of missing and repeated messages. They stay at 0 if the queue is correct.
    var lost = 0
    var repeated = 0
    /// The goal at which the demonstration's two ends stop.
    var goal = 0

    mutating func handle(_ message: Message) {
        lost += max(message.number - handled, 0)
        if message.number < handled { repeated += 1 }
        handled += 1
        bytes += message.text.utf8.count
    }
}

/// What the heap holds.
@HeapSchema struct Mailbox {
    var queue: PersistentDeque<Message>
    var account: PersistentValue<Account> = PersistentValue(Account())
}

/// Both ends of the queue.
struct Queue {
    /// The maximum length of the queue. If no receiver removes messages, senders wait.
    static let limit = 1000

    let heap: TypedHeap<Mailbox>

    /// Appends a message, unless the queue is full or `isWanted` returns false. Returns whether it
    /// did.
    ///
    /// The message and its number are one transaction. A sender that is killed before the commit
    /// has sent nothing, and the next sender uses the same number.
    func send(if isWanted: (Account) -> Bool = { _ in true }, _ text: (_ number: Int) -> String)
        throws -> Bool
    {
        try heap.write { mailbox in
            let number = mailbox.account.value.sent
            guard mailbox.queue.count < Self.limit, isWanted(mailbox.account.value) else {
                return false
            }
            mailbox.queue.append(Message(number: number, text: text(number)))
            mailbox.account.value.sent += 1
            return true
        }
    }

    /// Processes the next message. Returns nil if there is none.
    ///
    /// Removing the message is the acknowledgement, and is in the same transaction as the message's
    /// effect. So the message is never gone without its effect, and its effect is never there while
    /// the message is.
    func receive() throws -> Message? {
        try heap.write { mailbox in
            guard let message = mailbox.queue.popFirst() else { return nil }
            mailbox.account.value.handle(message)
            return message
        }
    }

    /// Waits until `isReady` returns true. Sleeps in the meantime, and is woken by a commit of any
    /// process. Returns after a second in any case, so that the caller can check its own
    /// conditions.
    func wait(until isReady: (Mailbox) -> Bool) throws -> Bool {
        let (ready, seen) = try heap.read { mailbox, tx in (isReady(mailbox), tx.version) }
        if ready { return true }
        // No commit between the view above and this call is missed: it is newer than the version
        // seen.
        _ = try heap.waitForChange(since: seen, timeout: .seconds(1))
        return try heap.read { isReady($0) }
    }

    func account() throws -> (account: Account, waiting: Int) {
        try heap.read { mailbox in (mailbox.account.value, mailbox.queue.count) }
    }
}
