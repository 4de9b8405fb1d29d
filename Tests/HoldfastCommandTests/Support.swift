import Foundation
import Holdfast
import Testing
import TestSupport

/// The command as its user runs it: the built executable.
enum Command {
    static let path = productsFolder.appendingPathComponent("holdfast").path

    struct Outcome {
        /// 128 plus the signal's number if a signal ended it.
        var status: Int32
        var output: String
        var error: String

        var json: [String: Any] {
            get throws {
                try #require(
                    try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
                    "\(output) \(error)")
            }
        }
    }

    /// Runs it with `input` as its standard input.
    static func run(_ arguments: [String], input: String = "", environment: [String: String] = [:])
        throws -> Outcome
    {
        try run(path, arguments, input, environment)
    }

    static func run(_ arguments: String..., input: String = "") throws -> Outcome {
        try run(arguments, input: input)
    }

    /// Runs a line of shell, where `$holdfast` is the command.
    static func shell(_ line: String, in folder: TemporaryFolder) throws -> Outcome {
        try run("/bin/bash", ["-c", "cd '\(folder.path)'; holdfast='\(path)'; \(line)"], "", [:])
    }

    private static func run(
        _ executable: String, _ arguments: [String], _ input: String,
        _ environment: [String: String]
    ) throws
        -> Outcome
    {
        let process = Process()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, error, typed) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = error
        process.standardInput = typed
        try process.run()
        // Short enough to fit into the pipe.
        try typed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try typed.fileHandleForWriting.close()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(
            decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let status = process.terminationStatus
        return Outcome(
            status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
            output: text, error: complaint)
    }

    /// Starts it on a terminal of its own.
    static func terminal(
        _ arguments: String..., columns: Int = 100, environment: [String: String] = [:]
    ) throws -> PseudoTerminal {
        try PseudoTerminal(path, arguments, columns: columns, rows: 30, environment: environment)
    }
}

struct Movement: HeapStruct, Equatable {
    var item: Int32
    var delta: Int64
}

struct Person: HeapRecord {
    var name = ""
    var born = 0
    var friend: HeapRef<Person>?
}

/// A small heap with roots of several kinds.
enum Inventory {
    static func fill(_ tx: borrowing WriteTransaction) throws {
        let stock = try tx.map("stock", String.self, Int.self)
        for (index, name) in ["bolt", "nut", "washer", "left hand"].enumerated() {
            stock[name] = 10 * index + 7
        }
        let log = try tx.array("log", of: Movement.self)
        for number in 0 ..< 1000 {
            log.append(Movement(item: Int32(number), delta: Int64(number * number)))
        }
        let people = try tx.map("people", Int.self, Person.self)
        people[1815] = Person(name: "Ada", born: 1815)
        let notes = try tx.string("notes")
        notes.append("first line\nsecond \u{1B}[31mline\n")
        _ = try tx.value("version of shop", initial: 3)
    }

    /// At rest.
    @discardableResult
    static func make(_ folder: TemporaryFolder, _ name: String = "inventory.heap") throws -> String
    {
        let heap = try PersistentHeap.open(folder.file(name))
        try heap.write(fill)
        try heap.close()
        return folder.file(name)
    }

    /// As after a crash: the heap with its log, with `commits` that are not in the file.
    @discardableResult
    static func makeUnclosed(_ folder: TemporaryFolder, commits: Int = 3) throws -> String {
        let other = try TemporaryFolder(heap: "inventory.heap")
        let path = try make(other)
        let heap = try PersistentHeap.open(path)
        for number in 0 ..< commits {
            // Each durable, so that a later one proves the earlier ones.
            try heap.write(durability: .device) {
                try $0.map("stock", String.self, Int.self)["new \(number)"] = number
            }
        }
        for name in other.names { try folder.write(try other.bytes(name), to: name) }
        try heap.close()
        return folder.file()
    }

    /// The file offset of `bytes`.
    static func offset(of bytes: [UInt8], in data: Data) throws -> Int {
        try #require(data.firstRange(of: Data(bytes))?.lowerBound)
    }
}
