import ExampleSupport
import Foundation

/// Parses a day such as 2026-12-24, in UTC.
func day(_ text: String) throws -> Date {
    guard let date = try? Date(text, strategy: .iso8601.year().month().day()),
        date.formatted(.iso8601.year().month().day()) == text
    else {
        throw WrongUsage("\"\(text)\" is not a day; write it as 2026-12-24")
    }
    return date
}

func text(_ day: Date) -> String { day.formatted(.iso8601.year().month().day()) }

/// A list has one line per task, so titles have one line too.
func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
}
