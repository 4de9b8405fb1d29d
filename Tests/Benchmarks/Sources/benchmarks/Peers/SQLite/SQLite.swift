import CPeers

/// SQLite, the database in a file.
///
/// How it is set up: write-ahead log, the mode its makers recommend for more than one process;
/// prepared statements, stepped and reset; a cache that holds all data; reads through the mapping
/// (`mmap_size`); tables that are one B-tree (`INTEGER PRIMARY KEY`, or `WITHOUT ROWID` for texts).
/// `synchronous = OFF` where only `kill -9` must be survived, `FULL` for durable commits.
final class SQLite {
    private static let library: (functions: sqlite?, missing: String?) = {
        let table = UnsafeMutablePointer<sqlite>.allocate(capacity: 1)
        if let missing = sqlite_load(table) { return (nil, String(cString: missing)) }
        return (table.pointee, nil)
    }()

    static var missing: String? { library.missing }
    static var isThere: Bool { missing == nil }

    let api = SQLite.library.functions!
    let connection: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]

    init(_ path: String, durable: Bool = false, reading: Bool = false) throws {
        var made: OpaquePointer?
        let flags =
            (reading ? Int32(SQLITE_MAY_READ) : Int32(SQLITE_MAY_WRITE | SQLITE_MAY_CREATE))
            | Int32(SQLITE_WITHOUT_MUTEX)
        let code = api.open_v2(path, &made, flags, nil)
        guard code == SQLITE_IS_OK, let made else {
            throw WrongResult(description: "SQLite cannot open \(path): code \(code)")
        }
        connection = made
        _ = api.busy_timeout(connection, 30_000)
        if !reading {
            try run("PRAGMA journal_mode = WAL; PRAGMA synchronous = \(durable ? "FULL" : "OFF")")
        }
        try run("PRAGMA cache_size = -524288; PRAGMA mmap_size = 1073741824")
    }

    func close() {
        for statement in statements.values { _ = api.finalize(statement) }
        statements = [:]
    }

    deinit {
        close()
        _ = api.close_v2(connection)
    }

    func run(_ sql: String) throws {
        try check(api.exec(connection, sql, nil, nil, nil))
    }

    /// The same text is prepared once.
    func prepare(_ sql: String) throws -> OpaquePointer {
        if let known = statements[sql] { return known }
        var statement: OpaquePointer?
        try check(api.prepare_v2(connection, sql, -1, &statement, nil))
        statements[sql] = statement
        return statement!
    }

    func check(_ code: Int32) throws {
        guard code == SQLITE_IS_OK else {
            throw WrongResult(
                description: "SQLite failed: \(String(cString: api.errmsg(connection)))")
        }
    }

    /// Steps a statement that gives no row, and makes it ready for the next time.
    @inline(__always)
    func finish(_ statement: OpaquePointer) throws {
        let code = api.step(statement)
        guard code == SQLITE_IS_DONE || code == SQLITE_IS_ROW else {
            throw WrongResult(
                description: "SQLite failed: \(String(cString: api.errmsg(connection)))")
        }
        _ = api.reset(statement)
    }

    @inline(__always)
    func bind(_ statement: OpaquePointer, _ column: Int32, _ number: UInt64) {
        _ = api.bind_int64(statement, column, Int64(bitPattern: number))
    }

    /// Binds the key for as long as `body` runs.
    @inline(__always)
    func with<Key: MapKey, R>(
        _ key: Key, _ statement: OpaquePointer, _ column: Int32, _ body: () throws -> R
    ) rethrows -> R {
        if Key.isInteger {
            _ = api.bind_int64(statement, column, key.integer)
            return try body()
        }
        return try key.withBytes { bytes in
            _ = api.bind_text(
                statement, column, bytes.baseAddress!.assumingMemoryBound(to: CChar.self),
                Int32(bytes.count), nil)
            return try body()
        }
    }

    /// The first column of the one row that the statement gives.
    func number(_ sql: String) throws -> UInt64 {
        let statement = try prepare(sql)
        _ = api.step(statement)
        let number = api.column_int64(statement, 0)
        _ = api.reset(statement)
        return UInt64(bitPattern: number)
    }
}
