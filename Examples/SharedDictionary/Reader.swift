import ExampleSupport
import Holdfast

/// One of the demonstration's readers, as a process of its own. Reads the whole dictionary once,
/// then looks up words until it has seen an edition.
func reader(_ arguments: inout Arguments) throws {
    let path = try arguments.next("HEAP")
    let lastEdition = try arguments.number("EDITION", in: 0 ... .max)
    try arguments.end()
    let heap = try TypedHeap<Lexicon>.open(path, mode: .readOnly, options: .forCommands)
    // After this, every page of the dictionary is in this process's memory, and some words are in a
    // list, to be looked up.
    let (letters, words) = try heap.read { lexicon in
        let meanings = lexicon.meanings
        return (
            meanings.values.reduce(0) { $0 + $1.utf8.count }, Array(meanings.keys.prefix(10_000))
        )
    }
    say("read \(letters) letters")

    var found = 0
    var edition = 0
    while edition < lastEdition {
        Parent.require()
        // A snapshot does not change while it is read, even if the writer commits in the meantime.
        // The next one shows the newest commit.
        try heap.read { lexicon in
            edition = lexicon.edition
            for word in words.shuffled().prefix(1000) where lexicon.meanings[word] != nil {
                found += 1
            }
        }
    }
    say("found \(found) words, saw edition \(edition)")
    // Waits until its memory has been measured.
    while let _ = readLine() {}
    try heap.close()
}
