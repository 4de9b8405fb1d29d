/// Finds the name that was probably meant.
enum SimilarName {
    /// Of the names that a third of the letters or fewer make the difference to, the nearest; of
    /// equally near ones the first in order. Nil if there is none.
    static func find(_ name: String, among names: Set<String>) -> String? {
        let most = Swift.max(1, name.count / 3)
        var best: (distance: Int, name: String)?
        for candidate in names.sorted() {
            let distance = distance(name, candidate)
            if distance <= most, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// Letters to be inserted, removed, replaced or exchanged with their neighbour until one name
    /// is the other, whatever their case (the optimal string alignment of Damerau and Levenshtein).
    private static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one.lowercased()), Array(other.lowercased()))
        // The distances of all beginnings of `other` from the beginnings of `one` of up to so many
        // letters.
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
