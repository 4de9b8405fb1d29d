/// Finds the name that was probably meant.
enum SimilarName {
    /// Returns the nearest of the names within an edit distance of at most a third of the letters,
    /// the first in order among equally near ones. Nil if there is none.
    static func find(_ name: String, among names: Set<String>) -> String? {
        let most = Swift.max(1, name.count / 3)
        var best: (distance: Int, name: String)?
        for candidate in names.sorted() {
            let distance = distance(name, candidate)
            if distance <= most, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Returns the number of letters to insert, remove, replace or exchange with their neighbour to
    /// turn one name into the other, ignoring case (the optimal string alignment distance of
    /// Damerau and Levenshtein).
    private static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one.lowercased()), Array(other.lowercased()))
        // Each row holds the distances between all prefixes of `other` and the prefix of `one` with
        // that many letters.
        var rows = [Array(0 ... other.count)]
        for row in one.indices {
            var next = [row + 1]
            for column in other.indices {
                let change = rows[row][column] + (one[row] == other[column] ? 0 : 1)
                var best = min(change, rows[row][column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column]
                {
                    best = min(best, rows[row - 1][column - 1] + 1)
                }
                next.append(best)
            }
            rows.append(next)
        }
        return rows[one.count][other.count]
    }
}
