import ExampleSupport
import Foundation
import Holdfast

/// Runs readers in processes of their own and a writer in this one, on one dictionary, and shows
/// how much memory all of them take together.
func demo(_ arguments: inout Arguments) throws {
    let readerCount = try arguments.option("--readers", in: 1 ... 64) ?? 4
    let changes = try arguments.option("--changes", in: 0 ... 1_000_000) ?? 1000
    let path = try arguments.next("HEAP")
    try arguments.end()
    let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0

    try withHeap(path, Lexicon.self, existing: true) { heap in
        let (count, words, first) = try heap.read { lexicon in
            return (
                lexicon.meanings.count, Array(lexicon.meanings.keys.prefix(10_000)), lexicon.edition
            )
        }
        guard count > 0 else { throw Problem("\(path) has no words yet") }
        say("the dictionary has \(count) words and takes \(megabytes(size))")
        let readers = try (0 ..< readerCount).map { _ in
            try Child("reader", path, "\(first + changes)")
        }
        for reader in readers { _ = try reader.line() }
        report("\(readerCount) readers have read all of it", readers, size)

        // While the readers look up words. Readers never wait for the writer, nor the writer for
        // readers.
        for change in stride(from: 1, through: changes, by: 1) {
            try heap.write { lexicon in
                lexicon.meanings[words.randomElement()!] =
                    "verb: to change for the \(change)th time"
                lexicon.edition = first + change
            }
        }
        for (number, reader) in readers.enumerated() {
            say("reader \(number + 1) \(try reader.line())")
        }
        report("after \(changes) changes", readers, size)
        for reader in readers { try reader.dismiss() }
    }
}

private func report(_ when: String, _ readers: [Child], _ size: Int) {
    let memory = readers.map { Memory(process: $0.number) }
    guard !memory.contains(where: { $0 == nil }) else {
        return say("\(when); how much memory they take is not measured on this system")
    }
    let proportional = memory.reduce(0) { $0 + $1!.proportional }
    let resident = memory.reduce(0) { $0 + $1!.resident }
    let times = Double(proportional) / Double(max(size, 1))
    say(
        "\(when): \(megabytes(resident)) resident if each is asked alone, "
            + "\(megabytes(proportional)) in truth, "
            + "\((times * 100).rounded() / 100) times the dictionary")
}
