import Foundation
import Holdfast
import HoldfastEngine

/// Executes the commands from its standard input with one heap, and answers each with a line.
final class Server {
    private struct Abandoned: Error {}
    private struct NotOpen: Error {}

    private let disk = StoppingDisk()
    private var heap: PersistentHeap?
    private var snapshot: HeapSnapshot?
    private var mark: HeapVersion?

    func run() {
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard let command = words.first else { continue }
            do {
                say(try answer(command, Array(words.dropFirst())))
            } catch {
                say("error \(error)")
            }
        }
    }

    private func open() throws -> PersistentHeap {
        guard let heap else { throw NotOpen() }
        return heap
    }

    private func answer(_ command: String, _ words: [String]) throws -> String {
        let number = words.first.flatMap { Int($0) } ?? 1
        switch command {
        case "open": try open(words)
        case "close":
            defer { heap = nil }
            try heap?.close()
        case "suspend": try open().suspend()
        case "append": for _ in 0 ..< number { try append() }
        case "count": return try count()
        case "hold": try hold()
        case "sync": try open().sync()
        case "checkpoint": try open().checkpoint()
        case "arm":
            guard let point = words.first.flatMap({ StoppingDisk.Point(rawValue: $0) }) else {
                return "error no such point"
            }
            disk.arm(point)
        case "fill": return "\(try fill(number))"
        case "read": return "\(try readBlocks())"
        case "memory": return "\(ProcessFigures.anonymous) \(ProcessFigures.proportional)"
        case "snapshot": snapshot = try open().snapshot()
        case "digest": return try digest()
        case "mark": mark = try open().version
        case "wait": return try wait(milliseconds: number)
        case "stream": try stream()
        case "observe": try observe()
        case "follow": try follow()
        case "log": return "\(try open().statistics().logBytes)"
        case "fork": try Lives.forkIdleChild()
        case "exec": try Lives.replaceProgram { say("ok") }
        case "leave":
            say("ok")
            nonisolated(unsafe) let server = self
            Lives.endMainThread { server.run() }
        case "quiet": return try quiet(milliseconds: number, words.contains("waiting"))
        default: return "error no such command"
        }
        return "ok"
    }

    /// `open PATH MODE`, then options as `name=number`.
    private func open(_ words: [String]) throws {
        var options = EngineOptions()
        for word in words.dropFirst(2) {
            let parts = word.split(separator: "=")
            let value = Int(parts[1])!
            switch parts[0] {
            case "timeout": options.timeout = .milliseconds(value)
            case "memory": options.memoryLimit = value
            case "log": options.logLimit = value
            case "sparse": options.reservesBlocks = value == 0
            default: throw NotOpen()
            }
        }
        options.checkpointsInBackground = true
        heap = try PersistentHeap.open(
            words[0], mode: words[1] == "readOnly" ? .readOnly : .readWrite, engineOptions: options,
            disk: disk)
    }

    // MARK: Numbers: an array to which every commit appends this process's number

    private func append() throws {
        try open().write { tx in try tx.array("numbers", of: Int.self).append(Int(getpid())) }
    }

    /// The number of elements, and of the processes that appended them.
    private func count() throws -> String {
        try open().read { tx in
            guard tx.hasRoot("numbers") else { return "0 0" }
            let numbers = try tx.array("numbers", of: Int.self)
            return "\(numbers.count) \(Set(numbers).count)"
        }
    }

    /// Stays inside a write transaction until the next line, which says whether to commit it.
    private func hold() throws {
        do {
            try open().write { tx in
                try tx.array("numbers", of: Int.self).append(0)
                say("held")
                if readLine() != "keep" { throw Abandoned() }
            }
        } catch is Abandoned {}
    }

    private func digest() throws -> String {
        guard let snapshot else { throw NotOpen() }
        return try snapshot.read { tx in
            let numbers = try tx.array("numbers", of: Int.self)
            return "\(numbers.count) \(numbers.reduce(0, &+))"
        }
    }

    // MARK: Blocks: strings of 1 MiB each

    private static let blockBytes = 1 << 20

    /// Creates that many blocks, one commit each. Returns this process's peak of anonymous memory
    /// meanwhile, in KiB.
    private func fill(_ blocks: Int) throws -> Int {
        var peak = 0
        for block in 0 ..< blocks {
            let letter = UInt8(ascii: "a") + UInt8(block % 26)
            try open().write { tx in
                try tx.map("blocks", Int.self, String.self)[block] = String(
                    repeating: Character(UnicodeScalar(letter)), count: Self.blockBytes - block)
            }
            peak = max(peak, ProcessFigures.anonymous)
        }
        return peak
    }

    /// Reads every byte of all blocks. Returns the number of intact blocks, and the peak of
    /// anonymous memory in KiB.
    private func readBlocks() throws -> String {
        var sound = 0
        var peak = 0
        let count = try open().read { tx in try tx.map("blocks", Int.self, String.self).count }
        for block in 0 ..< count {
            let isSound = try open().read { tx in
                guard var text = try tx.map("blocks", Int.self, String.self)[block] else {
                    return false
                }
                return text.withUTF8 { utf8 in
                    utf8.count == Self.blockBytes - block
                        && utf8[0] == UInt8(ascii: "a") + UInt8(block % 26)
                        && memcmp(utf8.baseAddress!, utf8.baseAddress! + 1, utf8.count - 1) == 0
                }
            }
            if isSound { sound += 1 }
            peak = max(peak, ProcessFigures.anonymous)
        }
        return "\(sound) \(peak)"
    }

    // MARK: Changes

    private func wait(milliseconds: Int) throws -> String {
        guard let mark else { throw NotOpen() }
        let isChanged = try open().waitForChange(since: mark, timeout: .milliseconds(milliseconds))
        return isChanged ? "changed" : "same"
    }

    /// Writes "change" for each change from now on.
    private func stream() throws {
        let changes = try open().changes
        Task.detached {
            for await _ in changes { say("change") }
        }
    }

    /// Says each count as a value that is observed.
    private func observe() throws {
        let heap = try open()
        Task.detached {
            do {
                let counts = heap.observe { tx in try tx.array("numbers", of: Int.self).count }
                for try await count in counts { say("observed \(count)") }
            } catch { say("error \(error)") }
        }
    }

    /// Says how many elements each difference has inserted, and how many the copy has.
    private func follow() throws {
        let heap = try open()
        Task.detached {
            do {
                var copy: [Int] = []
                let changes = heap.changes(of: { tx in try tx.array("numbers", of: Int.self) })
                for try await batch in changes {
                    for change in batch.changes {
                        guard case .inserted(let index, let number) = change else {
                            return say("error \(change)")
                        }
                        copy.insert(number, at: index)
                    }
                    say("followed \(batch.changes.count) of \(copy.count)")
                }
            } catch { say("error \(error)") }
        }
    }

    /// The number of sleeps of this process, and its CPU time in microseconds, during that time
    /// without any change.
    private func quiet(milliseconds: Int, _ isWaiting: Bool) throws -> String {
        let sleeps = ProcessFigures.sleeps
        let time = ProcessFigures.processorTime
        if isWaiting {
            let heap = try open()
            guard
                !(try heap.waitForChange(since: heap.version, timeout: .milliseconds(milliseconds)))
            else {
                return "error changed"
            }
        } else {
            usleep(UInt32(milliseconds * 1000))
        }
        return "\(ProcessFigures.sleeps - sleeps) \(ProcessFigures.processorTime - time)"
    }
}

/// Writes a line at once, without the system's buffering.
private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(1, $0.baseAddress!, $0.count) }
}
