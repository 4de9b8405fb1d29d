import CPeers

/// Both words in one row; a statement outside of `BEGIN` is a transaction of its own.
struct SQLitePair: PairPeer {
    private let sqlite: SQLite

    init(newAt path: String, durable: Bool) throws {
        sqlite = try SQLite(path, durable: durable)
        try sqlite.run(
            "CREATE TABLE pair (id INTEGER PRIMARY KEY, first INTEGER, second INTEGER); INSERT INTO pair VALUES (1, 0, 0)"
        )
    }

    func close() { sqlite.close() }

    func setPairs(_ numbers: Range<UInt64>) throws {
        let statement = try sqlite.prepare("UPDATE pair SET first = ?1, second = ?1 WHERE id = 1")
        for number in numbers {
            sqlite.bind(statement, 1, number)
            try sqlite.finish(statement)
        }
    }

    func second() throws -> UInt64 { try sqlite.number("SELECT second FROM pair") }
}

struct SQLiteChanges: SmallChangePeer {
    private let sqlite: SQLite
    let path: String

    init(newAt path: String, keys: [UInt64]) throws {
        self.path = path
        sqlite = try SQLite(path)
        try sqlite.run("CREATE TABLE map (k INTEGER PRIMARY KEY, v INTEGER NOT NULL)")
        try sqlite.run("BEGIN")
        let statement = try sqlite.prepare("INSERT INTO map (k, v) VALUES (?1, 0)")
        for key in keys {
            sqlite.bind(statement, 1, key)
            try sqlite.finish(statement)
        }
        try sqlite.run("COMMIT")
    }

    func close() { sqlite.close() }

    func updateEach(_ keys: [UInt64]) throws {
        let statement = try sqlite.prepare("UPDATE map SET v = v + 1 WHERE k = ?1")
        for key in keys {
            sqlite.bind(statement, 1, key)
            try sqlite.finish(statement)
        }
    }

    func insertEach(_ keys: [UInt64]) throws {
        let statement = try sqlite.prepare("INSERT INTO map (k, v) VALUES (?1, 1)")
        for key in keys {
            sqlite.bind(statement, 1, key)
            try sqlite.finish(statement)
        }
    }

    func sum() throws -> UInt64 { try sqlite.number("SELECT sum(v) FROM map") }
}
