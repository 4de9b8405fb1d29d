import Holdfast
import HoldfastEngine
import HoldfastSystem

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// One end of a conversation through a heap, in a process of its own that a test can kill.
///
///     test-worker message produce PATH      appends 0, 1, 2, … to the deque `queue`, until it has
///                                           sent `target` messages
///     test-worker message consume PATH      moves them to the array `received`, until there are
///                                           `target`
///     test-worker message commit PATH N NS  commits N times
///     test-worker message ping PATH N NS    sends N messages through the deque `ping` and waits
///                                           for the answer to each
///     test-worker message pong PATH N NS    answers N messages
///
/// With NS, a wait spins for that many nanoseconds before it sleeps. Each prints how often it
/// entered the kernel: to sleep, to wake, to wait for a lock.
struct MessageWorker {
    private let kind: String
    private let path: String
    private let number: Int
    private var options = EngineOptions()
    private let parent = getppid()

    init(_ arguments: [String]) {
        kind = arguments[0]
        path = arguments[1]
        number = arguments.count > 2 ? Int(arguments[2])! : 0
        if arguments.count > 3 { options.spin = .nanoseconds(Int(arguments[3])!) }
    }

    func run() {
        do {
            let heap = try PersistentHeap.open(path, engineOptions: options)
            // The kernel calls of opening and of the first commit do not count.
            try heap.write { try $0.value("workers", initial: 0).value += 1 }
            let before = (KernelCalls.sleeps, KernelCalls.wakes, KernelCalls.lockWaits)
            switch kind {
            case "produce": try produce(heap)
            case "consume": try consume(heap)
            case "commit":
                for value in 0 ..< number {
                    try heap.write { try $0.value("number", initial: 0).value = value }
                }
            case "ping": try talk(heap, sendingFirst: true)
            case "pong": try talk(heap, sendingFirst: false)
            default: end("usage: see the source")
            }
            print(
                KernelCalls.sleeps - before.0, KernelCalls.wakes - before.1,
                KernelCalls.lockWaits - before.2)
            try heap.close()
        } catch {
            end("\(error)")
        }
    }

    private func end(_ message: String) -> Never {
        _ = (message + "\n").withCString { write(2, $0, strlen($0)) }
        exit(1)
    }

    /// Waits for the next commit; ends this process if the test is gone or nothing happens.
    private func waitForChange(_ heap: PersistentHeap, since version: HeapVersion) throws {
        for _ in 0 ..< 60 {
            if try heap.waitForChange(since: version, timeout: .seconds(1)) { return }
            guard getppid() == parent else { end("the test has ended") }
        }
        end("nothing happened for a minute")
    }

    private func produce(_ heap: PersistentHeap) throws {
        while true {
            let (isDone, isFull, seen) = try heap.read { tx in
                let sent = try tx.value("sent", of: Int.self).value
                let isDone = try sent >= tx.value("target", of: Int.self).value
                return (isDone, try tx.deque("queue", of: Int.self).count >= 50, tx.version)
            }
            if isDone { return }
            if isFull {
                try waitForChange(heap, since: seen)
                continue
            }
            // The message and the count are one transaction, so that after a kill the next process
            // knows which messages were sent.
            try heap.write { tx in
                let sent = try tx.value("sent", initial: 0)
                try tx.deque("queue", of: Int.self).append(sent.value)
                sent.value += 1
            }
        }
    }

    private func consume(_ heap: PersistentHeap) throws {
        while true {
            let (isDone, isEmpty, seen) = try heap.read { tx in
                let received = try tx.array("received", of: Int.self).count
                let isDone = try received >= tx.value("target", of: Int.self).value
                return (isDone, try tx.deque("queue", of: Int.self).isEmpty, tx.version)
            }
            if isDone { return }
            if isEmpty {
                try waitForChange(heap, since: seen)
                continue
            }
            // Removing a message and processing it are one transaction too.
            try heap.write { tx in
                guard let message = try tx.deque("queue", of: Int.self).popFirst() else { return }
                try tx.array("received", of: Int.self).append(message)
            }
        }
    }

    private func receive(_ heap: PersistentHeap, from inbox: String) throws {
        while true {
            let (isEmpty, seen) = try heap.read { tx in
                (try tx.deque(inbox, of: Int.self).isEmpty, tx.version)
            }
            if !isEmpty { return }
            try waitForChange(heap, since: seen)
        }
    }

    private func talk(_ heap: PersistentHeap, sendingFirst: Bool) throws {
        let (inbox, outbox) = sendingFirst ? ("pong", "ping") : ("ping", "pong")
        if sendingFirst { try heap.write { try $0.deque(outbox, of: Int.self).append(0) } }
        for round in 0 ..< number {
            try receive(heap, from: inbox)
            try heap.write { tx in
                let message = try tx.deque(inbox, of: Int.self).popFirst()
                guard message == round else {
                    end("\(inbox) brought \(String(describing: message)) instead of \(round)")
                }
                let answer = sendingFirst ? round + 1 : round
                if answer < number { try tx.deque(outbox, of: Int.self).append(answer) }
            }
        }
    }
}
