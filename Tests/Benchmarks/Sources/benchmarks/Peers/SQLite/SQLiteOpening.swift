import CPeers

struct SQLiteOpening: OpeningPeer {
    private let sqlite: SQLite

    static func make(_ path: String, keys: [UInt64], sparseBytes: Int) throws {
        let map = try SQLiteMap<UInt64>(newAt: path, entries: keys.count)
        try map.insert(keys)
        map.close()
    }

    init(_ path: String, sparseBytes: Int) throws { sqlite = try SQLite(path, reading: true) }

    func get(_ key: UInt64) throws -> UInt64 {
        let statement = try sqlite.prepare("SELECT v FROM map WHERE k = ?1")
        sqlite.bind(statement, 1, key)
        guard sqlite.api.step(statement) == SQLITE_IS_ROW else {
            throw WrongResult(description: "SQLite has lost a key")
        }
        return UInt64(bitPattern: sqlite.api.column_int64(statement, 0))
    }

    func close() { sqlite.close() }
}
