import CPeers

/// Slices are blobs. No checkpoint comes while they are written.
struct SQLiteRecovery: RecoveryPeer {
    private let sqlite: SQLite

    static func write(_ path: String, slices: Int) throws {
        let sqlite = try SQLite(path)
        try sqlite.run("CREATE TABLE slices (id INTEGER PRIMARY KEY, words BLOB)")
        let statement = try sqlite.prepare("INSERT OR REPLACE INTO slices VALUES (?1, ?2)")
        func put(_ slice: Int, _ word: UInt64) throws {
            try [UInt64](repeating: word, count: sliceWords).withUnsafeBytes { bytes in
                sqlite.bind(statement, 1, UInt64(slice))
                _ = sqlite.api.bind_blob(statement, 2, bytes.baseAddress!, Int32(bytes.count), nil)
                try sqlite.finish(statement)
            }
        }
        for slice in 0 ..< slicesOfFile { try put(slice, 0) }
        try sqlite.run("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0")
        for round in 0 ..< slices { try put(round % slicesOfFile, UInt64(round)) }
        // Not closed: it would write the log back.
        _ = Unmanaged.passRetained(sqlite)
    }

    init(recovering path: String) throws { sqlite = try SQLite(path) }

    func word(ofSlice slice: Int) throws -> UInt64 {
        let statement = try sqlite.prepare("SELECT words FROM slices WHERE id = ?1")
        sqlite.bind(statement, 1, UInt64(slice))
        guard sqlite.api.step(statement) == SQLITE_IS_ROW,
            let words = sqlite.api.column_blob(statement, 0)
        else {
            throw WrongResult(description: "SQLite has lost a slice")
        }
        defer { _ = sqlite.api.reset(statement) }
        return words.loadUnaligned(as: UInt64.self)
    }

    func close() { sqlite.close() }
}
