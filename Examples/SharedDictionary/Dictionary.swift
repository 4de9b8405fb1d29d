import ExampleSupport
import Holdfast
import MemoryMapping

/// The named entry points of the heap.
struct Roots {
    /// Each word and its meaning.
    let meanings: PersistentMap<String, String>
    /// The number of changes since the dictionary was created.
    let edition: PersistentValue<Int>

    init(_ tx: borrowing WriteTransaction) throws {
        meanings = try tx.map("meanings", String.self, String.self)
        edition = try tx.value("edition", initial: 0)
    }

    init(_ tx: borrowing ReadTransaction) throws {
        meanings = try tx.map("meanings", String.self, String.self)
        edition = try tx.value("edition", of: Int.self)
    }
}

/// Creates a dictionary from a text file with a word, a tab and its meaning on each line.
///
/// `PersistentHeap.build` writes without a log, which is the fast way to create a large heap. The
/// file appears when it is complete, or not at all.
func makeDictionary(_ path: String, from source: MappedFile) throws -> Int {
    try PersistentHeap.build(path) { tx in
        let roots = try Roots(tx)
        try source.withBytes { bytes throws in
            var line = 1
            try forEachLine(bytes) { text in
                guard let tab = text.firstIndex(of: "\t") else {
                    throw Problem(
                        "line \(line) of \(source.path) has no tab between a word and its meaning")
                }
                roots.meanings[String(text[..<tab])] = String(text[text.index(after: tab)...])
                line += 1
            }
        }
        return roots.meanings.count
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
