import CPeers

/// With a cache of an eighth of the memory, and without the mapping, of which the system would read
/// ahead.
struct SQLiteLarge: LargePeer {
    private let sqlite: SQLite

    private static func open(_ path: String, memory: Int) throws -> SQLite {
        let sqlite = try SQLite(path)
        try sqlite.run("PRAGMA mmap_size = 0; PRAGMA cache_size = -\(memory / 8 / 1024)")
        return sqlite
    }

    static func fill(_ path: String, count: UInt64) throws {
        let sqlite = try open(path, memory: 256 << 20)
        try sqlite.run("CREATE TABLE map (k INTEGER PRIMARY KEY, v BLOB NOT NULL)")
        let statement = try sqlite.prepare("INSERT INTO map (k, v) VALUES (?1, ?2)")
        for start in stride(from: 0, to: count, by: 1000) {
            try sqlite.run("BEGIN")
            for key in start ..< min(start + 1000, count) {
                try change(sqlite, statement, key, 1)
            }
            try sqlite.run("COMMIT")
        }
        sqlite.close()
    }

    init(existing path: String, memory: Int) throws {
        sqlite = try Self.open(path, memory: memory)
    }

    private static func change(
        _ sqlite: SQLite, _ statement: OpaquePointer, _ key: UInt64, _ number: UInt64
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: LargeValue.bytes, alignment: 8) { bytes in
            LargeValue.fill(bytes, key, number)
            sqlite.bind(statement, 1, key)
            _ = sqlite.api.bind_blob(
                statement, 2, bytes.baseAddress!, Int32(LargeValue.bytes), nil)
            try sqlite.finish(statement)
        }
    }

    func get(_ key: UInt64) throws -> UInt64 {
        let statement = try sqlite.prepare("SELECT v FROM map WHERE k = ?1")
        sqlite.bind(statement, 1, key)
        defer { _ = sqlite.api.reset(statement) }
        guard sqlite.api.step(statement) == SQLITE_IS_ROW,
            let value = sqlite.api.column_blob(statement, 0)
        else {
            throw WrongResult(description: "SQLite has lost the key \(key)")
        }
        return value.loadUnaligned(as: UInt64.self)
    }

    func put(_ key: UInt64, _ number: UInt64) throws {
        try Self.change(
            sqlite, sqlite.prepare("UPDATE map SET v = ?2 WHERE k = ?1"), key, number)
    }

    func close() throws { sqlite.close() }
}
