/// Which processes there are, and the size of what they share.
struct SharingScenario {
    /// What a process may do. One that has died or left can start again, as another one.
    struct Role: OptionSet {
        var rawValue: UInt8

        static let reads = Role(rawValue: 1)
        static let writes = Role(rawValue: 2)
        static let checkpoints = Role(rawValue: 4)
        static let dies = Role(rawValue: 8)
        static let leaves = Role(rawValue: 16)
        /// Does not run at the beginning.
        static let startsLate = Role(rawValue: 32)
        /// Does not start again.
        static let startsOnce = Role(rawValue: 64)
    }

    var name: String
    /// At most three.
    var roles: [Role]
    /// Commits until nothing changes any more.
    var commits = 3
    /// Records for which the ring has room.
    var capacity = 2
    /// Entries of the reader table; at most three.
    var entries: Int
    /// How many processes die or leave.
    var endings = 0
    var hasSeats = false
    /// Whether a snapshot may stay open between two reads.
    var isBiased = false
    /// Whether the two lines are in one page. Otherwise in two.
    var sharesPage = false
    /// Whether an image may catch up before it is protected, as one that was opened just now.
    var preparesUnprotected = false

    init(_ name: String, _ roles: [Role]) {
        self.name = name
        self.roles = roles
        entries = roles.count
    }

    /// The same with other parameters.
    func with(_ name: String? = nil, _ change: (inout SharingScenario) -> Void) -> SharingScenario {
        var other = self
        if let name { other.name = name }
        change(&other)
        return other
    }
}
