import Holdfast

/// Something that one process wants another to deal with, once.
struct Message: PersistableRecord {
    /// Counted from 0, without gaps: the receiver can tell a message that is missing, or comes
    /// again.
    var number: Int
    var text: String
}

/// What has been done so far. The three last figures are the effect of dealing with messages; in
/// another program that would be a bill, or a row of a table.
struct Account: PersistableStruct {
    var sent = 0
    var handled = 0
    var bytes = 0
    /// Messages that did not come, and that came again. If the queue keeps its promise they stay at
    /// 0.
    var lost = 0
    var repeated = 0
    /// Where the demonstration's two ends stop.
    var goal = 0

    mutating func handle(_ message: Message) {
        lost += max(message.number - handled, 0)
        if message.number < handled { repeated += 1 }
        handled += 1
        bytes += message.text.utf8.count
    }
}

/// The named entry points of the heap.
struct Roots {
    let queue: PersistentDeque<Message>
    let account: PersistentValue<Account>

    init(_ tx: borrowing WriteTransaction) throws {
        queue = try tx.deque("queue", of: Message.self)
        account = try tx.value("account", initial: Account())
    }

    init(_ tx: borrowing ReadTransaction) throws {
        queue = try tx.deque("queue", of: Message.self)
        account = try tx.value("account", of: Account.self)
    }
}

/// Both ends of the queue.
struct Queue {
    /// A receiver that does not come makes the queue no longer than this: then senders wait.
    static let limit = 1000

    let heap: PersistentHeap

    init(_ heap: PersistentHeap) throws {
        self.heap = heap
        // Made once, so that views find the roots.
        try heap.write { tx in _ = try Roots(tx) }
    }

    /// Puts a message at the end, unless the queue is full or `isWanted` says no; returns whether
    /// it did.
    ///
    /// The message and its number are one transaction: a sender that is killed before its end has
    /// sent nothing, and the next sender takes the same number.
    func send(if isWanted: (Account) -> Bool = { _ in true }, _ text: (_ number: Int) -> String)
        throws -> Bool
    {
        try heap.write { tx in
            let roots = try Roots(tx)
            let number = roots.account.value.sent
            guard roots.queue.count < Self.limit, isWanted(roots.account.value) else {
                return false
            }
            roots.queue.append(Message(number: number, text: text(number)))
            roots.account.value.sent += 1
            return true
        }
    }

    /// Deals with the next message; nil if there is none.
    ///
    /// Taking it out is the acknowledgement, and it is one transaction with what the message has
    /// brought about. So there is no moment in which the message is gone and nothing has come of
    /// it, or something has and the message is still there.
    func receive() throws -> Message? {
        try heap.write { tx in
            let roots = try Roots(tx)
            guard let message = roots.queue.popFirst() else { return nil }
            roots.account.value.handle(message)
            return message
        }
    }

    /// Waits until `isReady` says so. Sleeps meanwhile, and is woken by a commit of any process;
    /// returns after a second in any case, so that the caller can check its own conditions.
    func wait(until isReady: (Roots) -> Bool) throws -> Bool {
        let (ready, seen) = try heap.read { tx in (isReady(try Roots(tx)), tx.version) }
        if ready { return true }
        // Nothing that is committed between the view above and this is missed: it is newer than
        // what was seen.
        _ = try heap.waitForChange(since: seen, timeout: .seconds(1))
        return try heap.read { tx in isReady(try Roots(tx)) }
    }

    func account() throws -> (account: Account, waiting: Int) {
        try heap.read { tx in
            let roots = try Roots(tx)
            return (roots.account.value, roots.queue.count)
        }
    }
}
