import CPeers

/// Its default mode. Writers take turns, and each syncs for itself.
final class LMDBGroup: GroupCommitPeer, @unchecked Sendable {
    private let lmdb: LMDB
    private let database: MDB_dbi

    init(newAt path: String, threads: Int) throws {
        lmdb = try LMDB(path, mapBytes: 64 << 20, LMDB.Durable.self)
        database = try lmdb.database(integerKeys: true)
    }

    func close() {}

    func commit(_ count: Int, thread: Int) throws {
        for number in 1 ... UInt64(count) {
            try lmdb.write { transaction in
                try withUnsafeBytes(of: UInt64(thread)) { name in
                    try withUnsafeBytes(of: number) { number in
                        var key = MDB_val(name)
                        var value = MDB_val(number)
                        try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
                    }
                }
            }
        }
    }

    func word(_ thread: Int) throws -> UInt64 {
        try lmdb.read { transaction in
            try withUnsafeBytes(of: UInt64(thread)) { name in
                var key = MDB_val(name)
                var value = MDB_val()
                try LMDB.check(lmdb.api.get(transaction, database, &key, &value))
                return value.word
            }
        }
    }
}
