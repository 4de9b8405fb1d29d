import CPeers

/// All threads use one environment.
extension LMDBChanges: ThreadedPeer, @unchecked Sendable {
    func worker() -> LMDBWorker { LMDBWorker(lmdb, database) }
}

/// A read transaction for each thread, reset and renewed, as its makers advise.
final class LMDBWorker: ThreadWorker {
    private let lmdb: LMDB
    private let database: MDB_dbi
    private var reader: OpaquePointer?

    init(_ lmdb: LMDB, _ database: MDB_dbi) {
        self.lmdb = lmdb
        self.database = database
    }

    deinit { if let reader { lmdb.api.txn_abort(reader) } }

    @inline(__always)
    private func read<R>(_ body: (OpaquePointer) throws -> R) throws -> R {
        if let reader {
            try LMDB.check(lmdb.api.txn_renew(reader))
        } else {
            try LMDB.check(
                lmdb.api.txn_begin(lmdb.environment, nil, UInt32(LMDB_RDONLY), &reader))
        }
        defer { lmdb.api.txn_reset(reader!) }
        return try body(reader!)
    }

    @inline(__always)
    private func value(_ transaction: OpaquePointer, _ key: UInt64) throws -> UInt64 {
        try withUnsafeBytes(of: key) { name in
            var name = MDB_val(name)
            var value = MDB_val()
            try LMDB.check(lmdb.api.get(transaction, database, &name, &value))
            return value.word
        }
    }

    func get(_ key: UInt64) throws -> UInt64 { try read { try value($0, key) } }

    func update(_ keys: ArraySlice<UInt64>, pause: () -> Void) throws {
        try lmdb.write { transaction in
            for key in keys {
                let number = try value(transaction, key) + 1
                try withUnsafeBytes(of: key) { key in
                    try withUnsafeBytes(of: number) { number in
                        var key = MDB_val(key)
                        var value = MDB_val(number)
                        try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
                    }
                }
                pause()
            }
        }
    }

    func staying(at key: UInt64, _ body: () -> Void) throws {
        try read {
            _ = try value($0, key)
            body()
        }
    }
}
