import Holdfast
import TestSupport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A line of the journal: a seat, and the number of its commit.
public struct JournalEntry: HeapStruct, BitwiseCopyable {
    public var seat: Int32
    public var sequence: Int64
}

/// The roots of the heap that a storm's processes share. Every commit changes several of them, and
/// `problem` checks invariants within and between them; so partial, mixed or lost commits are
/// detected.
public struct StormHeap {
    static let accountCount = 64
    static let balance = 1000
    static let rows = 160
    static let texts = 24
    static let lists = 8
    static let longestJournal = 600

    /// Money moves between the accounts; the total is constant.
    let accounts: PersistentArray<Int>
    /// `names[row]` and `rows[name]` agree.
    let names: PersistentMap<Int, String>
    let rows: PersistentMap<String, Int>
    /// Each seat's commits, without gaps, up to its last.
    let journal: PersistentArray<JournalEntry>
    /// Each seat's last commit, and the total number.
    let sequences: PersistentArray<Int>
    let commits: PersistentValue<Int>
    /// Strings of one repeated letter, determined by the length. They grow and shrink, from inline
    /// to hundreds of pages.
    let texts: PersistentMap<Int, String>
    /// `lists[key][index] == key * 1_000_003 + index`.
    let lists: PersistentMap<Int, PersistentArray<Int>>

    /// Finds the roots, or creates them.
    public init(_ tx: borrowing WriteTransaction) throws {
        accounts = try tx.array("accounts", of: Int.self)
        names = try tx.map("names", Int.self, String.self)
        rows = try tx.map("rows", String.self, Int.self)
        journal = try tx.array("journal", of: JournalEntry.self)
        sequences = try tx.array("sequences", of: Int.self)
        commits = try tx.value("commits", initial: 0)
        texts = try tx.map("texts", Int.self, String.self)
        lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
        if accounts.isEmpty {
            accounts.append(contentsOf: Array(repeating: Self.balance, count: Self.accountCount))
            sequences.append(contentsOf: Array(repeating: 0, count: Scoreboard.seats))
        }
    }

    /// Nil before the first commit.
    public init?(_ tx: borrowing ReadTransaction) throws {
        guard tx.hasRoot("accounts") else { return nil }
        accounts = try tx.array("accounts", of: Int.self)
        names = try tx.map("names", Int.self, String.self)
        rows = try tx.map("rows", String.self, Int.self)
        journal = try tx.array("journal", of: JournalEntry.self)
        sequences = try tx.array("sequences", of: Int.self)
        commits = try tx.value("commits", of: Int.self)
        texts = try tx.map("texts", Int.self, String.self)
        lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
    }

    public func sequence(of seat: Int) -> UInt64 { UInt64(sequences[seat]) }

    // MARK: Changing

    /// The changes of one commit.
    public func change(seat: Int, _ random: inout SplitMix) {
        for _ in 0 ... Int.random(in: 0 ..< 3, using: &random) { transfer(&random) }
        for _ in 0 ..< Int.random(in: 0 ..< 4, using: &random) { changeRow(&random) }
        if Int.random(in: 0 ..< 3, using: &random) == 0 { changeText(&random) }
        if Int.random(in: 0 ..< 3, using: &random) == 0 { changeList(&random) }
        sequences[seat] += 1
        commits.value += 1
        if journal.count >= Self.longestJournal { journal.removeAll() }
        journal.append(JournalEntry(seat: Int32(seat), sequence: Int64(sequences[seat])))
    }

    private func transfer(_ random: inout SplitMix) {
        let amount = Int.random(in: 0 ..< 100, using: &random)
        accounts[Int.random(in: 0 ..< Self.accountCount, using: &random)] -= amount
        accounts[Int.random(in: 0 ..< Self.accountCount, using: &random)] += amount
    }

    private func changeRow(_ random: inout SplitMix) {
        let row = Int.random(in: 0 ..< Self.rows, using: &random)
        if let name = names[row] {
            rows.removeValue(forKey: name)
            names.removeValue(forKey: row)
            if Bool.random(using: &random) { return }
        }
        let tail = String(repeating: "x", count: Int.random(in: 0 ..< 40, using: &random))
        let name = "\(row)-\(UInt16.random(in: .min ... .max, using: &random))-\(tail)"
        names[row] = name
        rows[name] = row
    }

    private func changeText(_ random: inout SplitMix) {
        let key = Int.random(in: 0 ..< Self.texts, using: &random)
        if Int.random(in: 0 ..< 4, using: &random) == 0 {
            texts.removeValue(forKey: key)
            return
        }
        let longest = [16, 200, 200, 5000, 20_000, 300_000][Int.random(in: 0 ..< 6, using: &random)]
        let count = Int.random(in: 0 ..< longest, using: &random)
        texts[key] = String(repeating: Character(UnicodeScalar(Self.letter(count))), count: count)
    }

    private static func letter(_ count: Int) -> UInt8 { UInt8(ascii: "a") + UInt8(count % 26) }

    private func changeList(_ random: inout SplitMix) {
        let key = Int.random(in: 0 ..< Self.lists, using: &random)
        let list = lists[creating: key]
        if list.count > 150 || Int.random(in: 0 ..< 8, using: &random) == 0 {
            lists.removeValue(forKey: key)
        } else if Int.random(in: 0 ..< 3, using: &random) == 0, !list.isEmpty {
            list.removeLast()
        } else {
            for _ in 0 ..< Int.random(in: 1 ..< 20, using: &random) {
                list.append(key * 1_000_003 + list.count)
            }
        }
    }

    // MARK: Checking

    /// The first violated invariant, or nil. No seat's last commit may be below `floor`: those
    /// commits were acknowledged.
    public func problem(floor: [UInt64]) -> String? {
        for (seat, least) in floor.enumerated() where sequence(of: seat) < least {
            return
                "seat \(seat) is at commit \(sequence(of: seat)), but commit \(least) was promised"
        }
        let money = accounts.reduce(0, +)
        if accounts.count != Self.accountCount || money != Self.accountCount * Self.balance {
            return "\(accounts.count) accounts hold \(money)"
        }
        if commits.value != sequences.reduce(0, +) {
            return "\(commits.value) commits, but the seats' make \(sequences.reduce(0, +))"
        }
        if names.count != rows.count { return "\(names.count) names for \(rows.count) rows" }
        for (row, name) in names where rows[name] != row {
            return "row \(row) is named \(name), which leads to \(rows[name] ?? -1)"
        }
        return problemOfJournal() ?? problemOfTexts() ?? problemOfLists()
    }

    /// Commits above those that were begun are impossible. Pass the numbers begun *after* the view
    /// was opened.
    public func problem(ceiling: [UInt64]) -> String? {
        for (seat, most) in ceiling.enumerated() where sequence(of: seat) > most {
            return "seat \(seat) is at commit \(sequence(of: seat)), but only \(most) were begun"
        }
        return nil
    }

    private func problemOfJournal() -> String? {
        var last = [Int64?](repeating: nil, count: Scoreboard.seats)
        for (index, entry) in journal.enumerated() {
            let seat = Int(entry.seat)
            guard last.indices.contains(seat) else {
                return "entry \(index) of the journal is of seat \(seat)"
            }
            if let before = last[seat], entry.sequence != before + 1 {
                return
                    "entry \(index) of the journal: seat \(seat)'s commit \(entry.sequence) "
                    + "follows \(before)"
            }
            last[seat] = entry.sequence
        }
        for (seat, sequence) in last.enumerated() {
            if let sequence, UInt64(sequence) != self.sequence(of: seat) {
                return
                    "the journal ends seat \(seat) at \(sequence), and the table at "
                    + "\(self.sequence(of: seat))"
            }
        }
        return nil
    }

    private func problemOfTexts() -> String? {
        for (key, text) in texts {
            var text = text
            let isSound = text.withUTF8 { utf8 in
                guard let first = utf8.first else { return true }
                return first == Self.letter(utf8.count)
                    && memcmp(utf8.baseAddress!, utf8.baseAddress! + 1, utf8.count - 1) == 0
            }
            if !isSound {
                return "text \(key) of \(text.utf8.count) letters is not as it was written"
            }
        }
        return nil
    }

    private func problemOfLists() -> String? {
        for (key, list) in lists {
            for (index, element) in list.enumerated() where element != key * 1_000_003 + index {
                return "element \(index) of list \(key) is \(element)"
            }
        }
        return nil
    }

    /// A number that depends on all contents, for comparisons within one process.
    public func digest() -> Int {
        var hasher = Hasher()
        for account in accounts { hasher.combine(account) }
        for sequence in sequences { hasher.combine(sequence) }
        for entry in journal { hasher.combine(entry.sequence) }
        for row in 0 ..< Self.rows { hasher.combine(names[row]) }
        for key in 0 ..< Self.texts { hasher.combine(texts[key]?.utf8.count) }
        for key in 0 ..< Self.lists { hasher.combine(lists[key]?.count) }
        return hasher.finalize()
    }
}
