// A language with any number of words.

private let syllables = [
    "ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu", "za",
]

/// Returns a different word for each number.
func word(_ number: Int) -> String {
    var rest = number
    var word = ""
    repeat {
        word = syllables[rest % syllables.count] + word
        rest = rest / syllables.count - 1
    } while rest >= 0
    return word
}

func meaning(_ number: Int) -> String {
    "noun: what lies between \(word(number + 1)) and \(word(number * 7 + 5)), and is as large as "
        + "\(number % 90 + 10) of them; "
        + "see also \(word(number * 3 + 1)), \(word(number / 2)) and \(word(number / 3 + 11))"
}
