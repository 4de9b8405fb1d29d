import CPeers

/// One transaction without a log, as its makers advise for a file that is thrown away if it fails,
/// in the order of the keys, and a sync at the end.
enum SQLiteBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        let sqlite = try SQLite(path, durable: true)
        try sqlite.run(
            "PRAGMA journal_mode = OFF; CREATE TABLE map (k INTEGER PRIMARY KEY, v INTEGER NOT NULL)"
        )
        let isSorted = zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }
        let order = isSorted ? Array(keys.indices) : keys.indices.sorted { keys[$0] < keys[$1] }
        let statement = try sqlite.prepare("INSERT INTO map (k, v) VALUES (?1, ?2)")
        try sqlite.run("BEGIN EXCLUSIVE")
        for place in order {
            sqlite.bind(statement, 1, keys[place])
            sqlite.bind(statement, 2, UInt64(place))
            try sqlite.finish(statement)
        }
        try sqlite.run("COMMIT")
        sqlite.close()
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        try SQLite(path).number("SELECT sum(v) FROM map")
    }
}
