import CPeers

/// How a file is opened.
protocol LMDBMode { static var flags: Int { get } }

/// LMDB, the memory-mapped B+tree: one file, one writer, readers that wait for nobody.
///
/// How it is set up, wherever nothing else is said:
/// - `MDB_NOSYNC` for what must survive the end of the process but no power cut (`lmdb`). The file
///   is mapped read-only, so that a stray store of the program cannot reach it, as with Holdfast; a
///   commit writes its pages with `pwrite`.
/// - `MDB_WRITEMAP | MDB_NOSYNC` besides (`lmdb-writemap`): a commit changes a shared, writable
///   mapping and makes no system call. Its makers name it as the faster mode that gives up the
///   protection from stray stores.
/// - neither for durable commits: its default, `pwrite` + `fdatasync`.
/// - `MDB_INTEGERKEY` for keys that are numbers, so that they are compared as such.
/// - one named file without a directory (`MDB_NOSUBDIR`), a map far larger than the data, a cursor
///   where a loop gains by it.
final class LMDB {
    enum Nosync: LMDBMode { static var flags: Int { LMDB_NOSUBDIR | LMDB_NOSYNC } }
    enum Writemap: LMDBMode {
        static var flags: Int { LMDB_NOSUBDIR | LMDB_WRITEMAP | LMDB_NOSYNC }
    }
    enum Durable: LMDBMode { static var flags: Int { LMDB_NOSUBDIR } }
    enum Reading: LMDBMode { static var flags: Int { LMDB_NOSUBDIR | LMDB_RDONLY } }

    /// Its functions, or what is missing.
    private static let library: (functions: lmdb?, missing: String?) = {
        let table = UnsafeMutablePointer<lmdb>.allocate(capacity: 1)
        if let missing = lmdb_load(table) { return (nil, String(cString: missing)) }
        return (table.pointee, nil)
    }()

    static var missing: String? { library.missing }
    static var isThere: Bool { missing == nil }

    let api = LMDB.library.functions!
    let environment: OpaquePointer
    let path: String

    init(_ path: String, mapBytes: Int, _ mode: any LMDBMode.Type) throws {
        self.path = path
        var made: OpaquePointer?
        try LMDB.check(api.env_create(&made))
        environment = made!
        try LMDB.check(api.env_set_mapsize(environment, mapBytes))
        try LMDB.check(api.env_open(environment, path, UInt32(mode.flags), 0o644))
    }

    deinit { api.env_close(environment) }

    static func check(_ code: Int32) throws {
        guard code == 0 else { throw WrongResult(description: "LMDB failed with code \(code)") }
    }

    /// A write transaction.
    @inline(__always)
    func write<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        var transaction: OpaquePointer?
        try LMDB.check(api.txn_begin(environment, nil, 0, &transaction))
        let result = try body(transaction!)
        try LMDB.check(api.txn_commit(transaction!))
        return result
    }

    @inline(__always)
    func read<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        var transaction: OpaquePointer?
        try LMDB.check(api.txn_begin(environment, nil, UInt32(LMDB_RDONLY), &transaction))
        defer { api.txn_abort(transaction!) }
        return try body(transaction!)
    }

    /// The file's one database.
    func database(integerKeys: Bool) throws -> MDB_dbi {
        var database: MDB_dbi = 0
        try write {
            try LMDB.check(
                api.dbi_open(
                    $0, nil, UInt32(integerKeys ? LMDB_INTEGERKEY | LMDB_CREATE : LMDB_CREATE),
                    &database))
        }
        return database
    }

    /// The same where the file is only read.
    func existingDatabase(integerKeys: Bool) throws -> MDB_dbi {
        var database: MDB_dbi = 0
        var transaction: OpaquePointer?
        try LMDB.check(api.txn_begin(environment, nil, UInt32(LMDB_RDONLY), &transaction))
        try LMDB.check(
            api.dbi_open(transaction!, nil, UInt32(integerKeys ? LMDB_INTEGERKEY : 0), &database))
        try LMDB.check(api.txn_commit(transaction!))
        return database
    }

    /// How large a map for so many small entries: a tree's pages are half full at worst.
    static func mapBytes(entries: Int) -> Int { 64 << 20 + entries * 192 }
}

extension MDB_val {
    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(
            mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }

    /// A value of 8 bytes.
    @inline(__always)
    var word: UInt64 { mv_data!.loadUnaligned(as: UInt64.self) }
}
