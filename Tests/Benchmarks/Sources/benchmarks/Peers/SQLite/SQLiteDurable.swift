import CPeers

/// `synchronous = FULL`, a connection for each thread, as its makers advise; writers that find the
/// file locked try again.
final class SQLiteGroup: GroupCommitPeer, @unchecked Sendable {
    private let connections: [SQLite]

    init(newAt path: String, threads: Int) throws {
        connections = try (0 ..< threads).map { _ in try SQLite(path, durable: true) }
        try connections[0].run("CREATE TABLE words (id INTEGER PRIMARY KEY, word INTEGER)")
        for thread in 0 ..< threads {
            try connections[0].run("INSERT INTO words VALUES (\(thread), 0)")
        }
    }

    func close() { for connection in connections { connection.close() } }

    func commit(_ count: Int, thread: Int) throws {
        let sqlite = connections[thread]
        let statement = try sqlite.prepare("UPDATE words SET word = ?1 WHERE id = ?2")
        sqlite.bind(statement, 2, UInt64(thread))
        for number in 1 ... UInt64(count) {
            sqlite.bind(statement, 1, number)
            try sqlite.finish(statement)
        }
    }

    func word(_ thread: Int) throws -> UInt64 {
        try connections[0].number("SELECT word FROM words WHERE id = \(thread)")
    }
}
