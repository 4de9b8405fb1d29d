import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// What the other processes of a measurement do: `--worker JOB PATH NUMBER … PIPE`.

/// Waits until the word holds at least `number`; returns it.
func waitForWord(_ heap: PersistentHeap, _ name: String, atLeast number: UInt64) throws -> UInt64 {
    while true {
        let (word, seen) = try heap.read { tx in
            (try tx.value(name, of: UInt64.self).value, tx.version)
        }
        if word >= number { return word }
        guard try heap.waitForChange(since: seen, timeout: .seconds(60)) else {
            throw WrongResult(description: "the other process has not answered for a minute")
        }
    }
}

func setWord(_ heap: PersistentHeap, _ name: String, _ number: UInt64) throws {
    try heap.write { try $0.value(name, initial: 0 as UInt64).value = number }
}

func runWorker(_ arguments: [String]) throws {
    guard arguments.count >= 4, let number = UInt64(arguments[2]), let pipe = Int32(arguments.last!)
    else { exitWithUsage() }
    func sign() { sendSign(pipe) }
    let heap = try PersistentHeap.open(arguments[1])
    switch arguments[0] {
    case "echo":
        // Every number that comes goes back.
        sign()
        for round in 1 ... number {
            _ = try waitForWord(heap, "ping", atLeast: round)
            try setWord(heap, "pong", round)
        }
    case "listen":
        // Each message is the time at which it was sent.
        var times: [Double] = []
        var last: UInt64 = 0
        sign()
        for _ in 0 ..< number {
            last = try waitForWord(heap, "ping", atLeast: last + 1)
            times.append(Clock.now() - Double(last))
            sign()
        }
        try setWord(heap, "pong", UInt64(median(of: times)))
        sign()
    case "commit":
        let name = arguments[3]
        // Takes the first commit's costs before it counts.
        for round in 0 ..< 100 as Range<UInt64> { try setWord(heap, name, round) }
        sign()
        _ = try waitForWord(heap, "go", atLeast: 1)
        for round in 1 ... number { try setWord(heap, name, round) }
        sign()
    default: exitWithUsage()
    }
    try heap.close()
}

/// Hears messages through a pipe: `--hear NUMBER INPUT PIPE`. Each is the time at which it was
/// sent; says in the end how long they took.
func hear(_ arguments: [String]) {
    guard arguments.count == 3, let number = Int(arguments[0]), let input = Int32(arguments[1]),
        let pipe = Int32(arguments[2])
    else {
        exitWithUsage()
    }
    var times: [Double] = []
    sendSign(pipe)
    for _ in 0 ..< number {
        let sent = Double(awaitMessage(input))
        times.append(Clock.now() - sent)
        sendSign(pipe)
    }
    sendText("\(median(of: times))", pipe)
}
