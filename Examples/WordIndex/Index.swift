import Holdfast

/// An occurrence of a word. `file` is an index into the array of file names.
@Persistable(.plain) struct Posting {
    var file: Int32
    /// Counted from 1.
    var line: Int32
}

/// The state of a file when it was indexed. A file that has changed since is indexed again.
@Persistable(.plain) struct FileState {
    var index: Int32
    var bytes: Int64
    /// Seconds since 1970.
    var modified: Double
}

/// What the heap holds.
@HeapSchema struct WordIndex {
    /// The lines of each word, in lower case.
    var words: PersistentMap<String, PersistentArray<Posting>>
    /// File names in the order of indexing. Empty for a file that was removed or indexed again.
    var names: PersistentArray<String>
    var files: PersistentMap<String, FileState>
}

/// Calls `body` with each word of a text, in lower case, and its line. A word consists of letters,
/// digits and underscores.
func forEachWord(in text: some Sequence<UInt8>, _ body: (_ word: String, _ line: Int32) -> Void) {
    var word: [UInt8] = []
    var line: Int32 = 1
    var isASCII = true
    func flush() {
        guard !word.isEmpty else { return }
        let found = String(decoding: word, as: UTF8.self)
        body(isASCII ? found : found.lowercased(), line)
        word.removeAll(keepingCapacity: true)
        isASCII = true
    }
    for byte in text {
        switch byte {
        case UInt8(ascii: "a") ... UInt8(ascii: "z"), UInt8(ascii: "0") ... UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            word.append(byte)
        case UInt8(ascii: "A") ... UInt8(ascii: "Z"): word.append(byte | 0x20)
        case 0x80...:
            // Letters outside ASCII. Punctuation there is included, which is acceptable for an
            // index.
            word.append(byte)
            isASCII = false
        default:
            flush()
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
    }
    flush()
}
