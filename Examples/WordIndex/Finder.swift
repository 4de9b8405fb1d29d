import Holdfast

/// `word-index find`: answers from the heap alone. The status is 1 if no line has all of the words.
func find(_ words: [String], inHeapAt path: String) throws -> Int32 {
    let heap = try TypedHeap<WordIndex>.open(path, mode: .readOnly)
    let lines: [String] = try heap.read { index in
        var common: Set<Place>?
        for word in words {
            let places = index.words[word.lowercased()].map { Set($0.map(Place.init)) } ?? []
            common = common?.intersection(places) ?? places
        }
        return (common ?? []).sorted().compactMap { place in
            let name = index.names[Int(place.file)]
            return name.isEmpty ? nil : "\(name):\(place.line)"
        }
    }
    try heap.close()
    for line in lines { say(line) }
    return lines.isEmpty ? 1 : 0
}

/// A posting that can be compared.
private struct Place: Hashable, Comparable {
    var file: Int32
    var line: Int32

    init(_ posting: Posting) {
        file = posting.file
        line = posting.line
    }

    static func < (left: Place, right: Place) -> Bool {
        (left.file, left.line) < (right.file, right.line)
    }
}
