import ExampleSupport
import Holdfast
import MemoryMapping

func generate(_ arguments: inout Arguments) throws {
    let path = try arguments.next("FILE")
    let count = try arguments.number("WORDS", in: 1 ... 100_000_000)
    try arguments.end()
    var writer = try FileWriter(path)
    for number in 0 ..< count { try writer.write("\(word(number))\t\(meaning(number))\n") }
    try writer.flush()
    say("\(count) words written to \(path)")
}

func build(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let source = try MappedFile(path: arguments.next("FILE"))
    try arguments.end()
    let words = try makeDictionary(path, from: source)
    say("\(words) words, \(megabytes(try MappedFile(path: path).count))")
}

func lookUp(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let word = try arguments.next("WORD")
    try arguments.end()
    let meaning = try withHeap(path, Lexicon.self, .readOnly) { heap in
        try heap.read { $0.meanings[word] }
    }
    guard let meaning else { throw Problem("\(path) does not have the word \"\(word)\"") }
    say(meaning)
}

func define(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let word = try arguments.next("WORD")
    let meaning = try arguments.next("MEANING")
    try arguments.end()
    try withHeap(path, Lexicon.self, existing: true) { heap in
        try heap.write { lexicon in
            lexicon.meanings[word] = meaning
            lexicon.edition += 1
        }
    }
}
