import CPeers

/// Slices are values of 64 KiB. There is no log: what a killed process has committed lies in the
/// tree, and nothing is replayed.
struct LMDBRecovery: RecoveryPeer {
    private let lmdb: LMDB

    private static func open(_ path: String) throws -> LMDB {
        try LMDB(path, mapBytes: 256 << 20, LMDB.Nosync.self)
    }

    static func write(_ path: String, slices: Int) throws {
        let lmdb = try open(path)
        let database = try lmdb.database(integerKeys: true)
        func put(_ slice: Int, _ word: UInt64) throws {
            try lmdb.write { transaction in
                try withUnsafeBytes(of: UInt64(slice)) { name in
                    try [UInt64](repeating: word, count: sliceWords).withUnsafeBytes { words in
                        var key = MDB_val(name)
                        var value = MDB_val(words)
                        try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
                    }
                }
            }
        }
        for slice in 0 ..< slicesOfFile { try put(slice, 0) }
        try LMDB.check(lmdb.api.env_sync(lmdb.environment, 1))
        for round in 0 ..< slices { try put(round % slicesOfFile, UInt64(round)) }
        _ = Unmanaged.passRetained(lmdb)
    }

    init(recovering path: String) throws { lmdb = try Self.open(path) }

    func word(ofSlice slice: Int) throws -> UInt64 {
        let database = try lmdb.existingDatabase(integerKeys: true)
        return try lmdb.read { transaction in
            try withUnsafeBytes(of: UInt64(slice)) { name in
                var key = MDB_val(name)
                var value = MDB_val()
                try LMDB.check(lmdb.api.get(transaction, database, &key, &value))
                return value.word
            }
        }
    }

    func close() {}
}
