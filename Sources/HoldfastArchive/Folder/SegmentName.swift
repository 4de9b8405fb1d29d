import HoldfastFormat

/// The name of a segment in its folder, which tells what is in it:
///
///     base-COMMIT.segment           the heap after that commit
///     LEVEL-FIRST-LAST.segment      the commits from FIRST to LAST
///
/// The level has two hexadecimal digits, a commit's number sixteen, so that the names sort.
package enum SegmentName: Hashable, Sendable {
    case base(commit: UInt64)
    case changes(level: UInt32, first: UInt64, last: UInt64)

    package static let suffix = ".segment"
    private static let baseWord = "base"

    /// The name of a segment with this header that leads to `place`.
    package init(_ header: SegmentHeader, to place: HistoryPlace) {
        self =
            switch header.kind {
            case .base: .base(commit: place.commitNumber)
            case .changes:
                .changes(
                    level: header.level, first: header.before.commitNumber + 1,
                    last: place.commitNumber)
            }
    }

    /// Reads a name; nil if no segment has it.
    package init?(_ text: String) {
        guard text.hasSuffix(Self.suffix) else { return nil }
        let parts = text.dropLast(Self.suffix.count).split(
            separator: "-", omittingEmptySubsequences: false)
        if parts.count == 2, parts[0] == Self.baseWord, let commit = Self.number(parts[1], 16) {
            self = .base(commit: commit)
        } else if parts.count == 3, let level = Self.number(parts[0], 2),
            let first = Self.number(parts[1], 16), let last = Self.number(parts[2], 16),
            first > 0, first <= last
        {
            self = .changes(level: UInt32(level), first: first, last: last)
        } else {
            return nil
        }
        // In capitals, or with a sign, it would be another name of the same segment.
        guard self.text == text else { return nil }
    }

    package var text: String {
        switch self {
        case .base(let commit): "\(Self.baseWord)-\(Self.digits(commit, 16))\(Self.suffix)"
        case .changes(let level, let first, let last):
            "\(Self.digits(UInt64(level), 2))-\(Self.digits(first, 16))-\(Self.digits(last, 16))"
                + Self.suffix
        }
    }

    /// The commit whose state the segment leads to.
    package var last: UInt64 {
        switch self {
        case .base(let commit): commit
        case .changes(_, _, let last): last
        }
    }

    /// The commit whose state the segment begins with; nil for a base.
    package var before: UInt64? {
        switch self {
        case .base: nil
        case .changes(_, let first, _): first - 1
        }
    }

    package var level: UInt32? {
        switch self {
        case .base: nil
        case .changes(let level, _, _): level
        }
    }

    private static func number(_ text: Substring, _ digits: Int) -> UInt64? {
        text.utf8.count == digits ? UInt64(text, radix: 16) : nil
    }

    private static func digits(_ number: UInt64, _ count: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(count - digits.count, 0)) + digits
    }
}
