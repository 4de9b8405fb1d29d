/// Names that the user may have meant.
enum Spelling {
    /// Returns the name with the smallest edit distance, if that is small.
    static func nearest(to name: String, in names: [String]) -> String? {
        guard name.count <= 64 else { return nil }
        let found = names.filter { abs($0.count - name.count) <= 2 }.map {
            ($0, distance(Array(name), Array($0)))
        }.min {
            $0.1 < $1.1
        }
        guard let found, found.1 <= max(1, (name.count + 1) / 3) else { return nil }
        return found.0
    }

    /// Returns the number of letters to insert, remove or replace.
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0 ... right.count)
        for (index, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (other, candidate) in right.enumerated() {
                let above = row[other + 1]
                row[other + 1] = min(
                    diagonal + (character == candidate ? 0 : 1), min(above, row[other]) + 1)
                diagonal = above
            }
        }
        return row[right.count]
    }
}
