import CPeers

/// A connection for each thread.
extension SQLiteChanges: ThreadedPeer, @unchecked Sendable {
    func worker() throws -> SQLiteWorker { try SQLiteWorker(path) }
}

final class SQLiteWorker: ThreadWorker {
    private let sqlite: SQLite
    private let select: OpaquePointer
    private let change: OpaquePointer

    init(_ path: String) throws {
        sqlite = try SQLite(path)
        select = try sqlite.prepare("SELECT v FROM map WHERE k = ?1")
        change = try sqlite.prepare("UPDATE map SET v = v + 1 WHERE k = ?1")
    }

    func get(_ key: UInt64) throws -> UInt64 {
        sqlite.bind(select, 1, key)
        guard sqlite.api.step(select) == SQLITE_IS_ROW else {
            throw WrongResult(description: "SQLite has lost a key")
        }
        let number = sqlite.api.column_int64(select, 0)
        _ = sqlite.api.reset(select)
        return UInt64(bitPattern: number)
    }

    func update(_ keys: ArraySlice<UInt64>, pause: () -> Void) throws {
        try sqlite.run("BEGIN IMMEDIATE")
        for key in keys {
            sqlite.bind(change, 1, key)
            try sqlite.finish(change)
            pause()
        }
        try sqlite.run("COMMIT")
    }

    func staying(at key: UInt64, _ body: () -> Void) throws {
        try sqlite.run("BEGIN")
        _ = try get(key)
        body()
        try sqlite.run("COMMIT")
    }
}
