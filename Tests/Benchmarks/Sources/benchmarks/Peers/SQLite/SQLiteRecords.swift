import CPeers

/// The field is a column, the rest of a record a blob.
struct SQLiteRecords: RecordPeer {
    private let sqlite: SQLite
    private static let rest = [UInt8](repeating: 1, count: 96)

    init(newAt path: String, keys: [UInt64]) throws {
        sqlite = try SQLite(path)
        try sqlite.run(
            "CREATE TABLE records (k INTEGER PRIMARY KEY, field INTEGER NOT NULL, rest BLOB NOT NULL); BEGIN"
        )
        let statement = try sqlite.prepare(
            "INSERT INTO records (k, field, rest) VALUES (?1, 0, ?2)")
        try withRest(statement, 2) {
            for key in keys {
                sqlite.bind(statement, 1, key)
                try sqlite.finish(statement)
            }
        }
        try sqlite.run("COMMIT")
    }

    func close() { sqlite.close() }

    private func withRest<R>(_ statement: OpaquePointer, _ column: Int32, _ body: () throws -> R)
        rethrows -> R
    {
        try Self.rest.withUnsafeBytes { bytes in
            _ = sqlite.api.bind_blob(statement, column, bytes.baseAddress!, Int32(bytes.count), nil)
            return try body()
        }
    }

    func run(_ operations: [RecordOperation]) throws -> UInt64 {
        let (sqlite, api) = (sqlite, sqlite.api)
        let reading = try sqlite.prepare("SELECT field, rest FROM records WHERE k = ?1")
        let putting = try sqlite.prepare(
            "INSERT OR REPLACE INTO records (k, field, rest) VALUES (?1, ?2, ?3)")
        let modifying = try sqlite.prepare("UPDATE records SET field = field + ?2 WHERE k = ?1")
        let scanning = try sqlite.prepare(
            "SELECT field, rest FROM records WHERE k >= ?1 ORDER BY k LIMIT ?2")
        var sum: UInt64 = 0
        func step(_ statement: OpaquePointer, _ operation: RecordOperation) {
            sqlite.bind(statement, 1, operation.key)
            if operation.kind == .scan { sqlite.bind(statement, 2, operation.number) }
            while api.step(statement) == SQLITE_IS_ROW {
                // The blob is a pointer into the page, or a copy where it is not in one piece.
                if api.column_blob(statement, 1) != nil {
                    sum &+= UInt64(bitPattern: api.column_int64(statement, 0))
                }
            }
            _ = api.reset(statement)
        }
        try withRest(putting, 3) {
            for operation in operations {
                switch operation.kind {
                case .read: step(reading, operation)
                case .scan: step(scanning, operation)
                case .update, .insert:
                    sqlite.bind(putting, 1, operation.key)
                    sqlite.bind(putting, 2, operation.number)
                    try sqlite.finish(putting)
                case .modify:
                    sqlite.bind(modifying, 1, operation.key)
                    sqlite.bind(modifying, 2, operation.number)
                    try sqlite.finish(modifying)
                }
            }
        }
        return sum
    }
}
