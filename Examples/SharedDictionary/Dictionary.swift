import ExampleSupport
import Holdfast
import MemoryMapping

/// What the heap holds.
@HeapSchema struct Lexicon {
    /// Each word and its meaning.
    var meanings: PersistentMap<String, String>
    /// The number of changes since the dictionary was created.
    var edition = 0
}

/// Creates a dictionary from a text file with a word, a tab and its meaning on each line.
///
/// `build` writes without a log, which is the fast way to create a large heap. The
/// file appears when it is complete, or not at all.
func makeDictionary(_ path: String, from source: MappedFile) throws -> Int {
    try TypedHeap<Lexicon>.build(path) { lexicon in
        let meanings = lexicon.meanings
        try source.withBytes { bytes throws in
            var line = 1
            try forEachLine(bytes) { text in
                guard let tab = text.firstIndex(of: "\t") else {
                    throw Problem(
                        "line \(line) of \(source.path) has no tab between a word and its meaning")
                }
                meanings[String(text[..<tab])] = String(text[text.index(after: tab)...])
                line += 1
            }
        }
        return meanings.count
    }
}

private func forEachLine(_ bytes: RawSpan, _ body: (Substring) throws -> Void) throws {
    var start = 0
    for place in 0 ... bytes.byteCount {
        guard
            place == bytes.byteCount
                ? start < place
                : bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) == UInt8(ascii: "\n")
        else { continue }
        try body(
            bytes.extracting(start ..< place).withUnsafeBytes {
                String(decoding: $0, as: UTF8.self)
            }[...])
        start = place + 1
    }
}
