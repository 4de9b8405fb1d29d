import CPeers

/// What SQLite does for maps, both kinds: a table is a B-tree in the order of its keys.
final class SQLiteMap<Key: MapKey>: SortedMapPeer {
    private let sqlite: SQLite

    init(newAt path: String, entries: Int) throws {
        sqlite = try SQLite(path)
        try sqlite.run(
            Key.isInteger
                ? "CREATE TABLE map (k INTEGER PRIMARY KEY, v INTEGER NOT NULL)"
                : "CREATE TABLE map (k TEXT PRIMARY KEY, v INTEGER NOT NULL) WITHOUT ROWID")
    }

    init(existing path: String) throws { sqlite = try SQLite(path, reading: true) }

    /// With the log written back, as the last connection's closing does.
    func reopened() throws -> SQLiteMap {
        try sqlite.run("PRAGMA wal_checkpoint(TRUNCATE)")
        return self
    }

    func close() { sqlite.close() }

    func insert(_ keys: [Key]) throws {
        let statement = try sqlite.prepare("INSERT INTO map (k, v) VALUES (?1, ?2)")
        try sqlite.run("BEGIN IMMEDIATE")
        for place in keys.indices {
            sqlite.bind(statement, 2, UInt64(place))
            try sqlite.with(keys[place], statement, 1) { try sqlite.finish(statement) }
        }
        try sqlite.run("COMMIT")
    }

    func update(_ keys: [Key]) throws {
        let statement = try sqlite.prepare("UPDATE map SET v = v + 1 WHERE k = ?1")
        try sqlite.run("BEGIN IMMEDIATE")
        for key in keys { try sqlite.with(key, statement, 1) { try sqlite.finish(statement) } }
        try sqlite.run("COMMIT")
    }

    func remove(_ keys: [Key]) throws {
        let statement = try sqlite.prepare("DELETE FROM map WHERE k = ?1")
        try sqlite.run("BEGIN IMMEDIATE")
        for key in keys { try sqlite.with(key, statement, 1) { try sqlite.finish(statement) } }
        try sqlite.run("COMMIT")
    }

    var count: Int { get throws { Int(try sqlite.number("SELECT count(*) FROM map")) } }

    func get(_ keys: [Key]) throws -> UInt64 {
        let (statement, api) = (try sqlite.prepare("SELECT v FROM map WHERE k = ?1"), sqlite.api)
        try sqlite.run("BEGIN")
        var sum: UInt64 = 0
        for key in keys {
            try sqlite.with(key, statement, 1) {
                guard api.step(statement) == SQLITE_IS_ROW else {
                    throw WrongResult(description: "SQLite has lost a key")
                }
                sum &+= UInt64(bitPattern: api.column_int64(statement, 0))
                _ = api.reset(statement)
            }
        }
        try sqlite.run("COMMIT")
        return sum
    }

    func miss(_ keys: [Key]) throws -> UInt64 {
        let (statement, api) = (try sqlite.prepare("SELECT v FROM map WHERE k = ?1"), sqlite.api)
        try sqlite.run("BEGIN")
        var misses: UInt64 = 0
        for key in keys {
            sqlite.with(key, statement, 1) {
                if api.step(statement) == SQLITE_IS_DONE { misses += 1 }
                _ = api.reset(statement)
            }
        }
        try sqlite.run("COMMIT")
        return misses
    }

    /// Row by row, as a program sees them; a `sum()` inside SQLite would hand over nothing.
    func iterate() throws -> UInt64 {
        let (statement, api) = (try sqlite.prepare("SELECT v FROM map"), sqlite.api)
        var sum: UInt64 = 0
        while api.step(statement) == SQLITE_IS_ROW {
            sum &+= UInt64(bitPattern: api.column_int64(statement, 0))
        }
        _ = api.reset(statement)
        return sum
    }

    func ranges(from starts: [Key], count: Int) throws -> UInt64 {
        let (statement, api) = (
            try sqlite.prepare("SELECT v FROM map WHERE k >= ?1 ORDER BY k LIMIT ?2"), sqlite.api
        )
        try sqlite.run("BEGIN")
        sqlite.bind(statement, 2, UInt64(count))
        var sum: UInt64 = 0
        for start in starts {
            sqlite.with(start, statement, 1) {
                while api.step(statement) == SQLITE_IS_ROW {
                    sum &+= UInt64(bitPattern: api.column_int64(statement, 0))
                }
                _ = api.reset(statement)
            }
        }
        try sqlite.run("COMMIT")
        return sum
    }
}
