import CPeers

struct LMDBRecords<Mode: LMDBMode>: RecordPeer {
    private let lmdb: LMDB
    private let database: MDB_dbi

    init(newAt path: String, keys: [UInt64]) throws {
        lmdb = try LMDB(path, mapBytes: 512 << 20, Mode.self)
        database = try lmdb.database(integerKeys: true)
        try lmdb.write { transaction in
            for key in keys { try put(transaction, key, Record(field: 0)) }
        }
    }

    func close() {}

    @inline(__always)
    private func put(_ transaction: OpaquePointer, _ key: UInt64, _ record: Record) throws {
        try withUnsafeBytes(of: key) { key in
            try withUnsafeBytes(of: record) { record in
                var key = MDB_val(key)
                var value = MDB_val(record)
                try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
            }
        }
    }

    /// Where the record lies.
    @inline(__always)
    private func get(_ transaction: OpaquePointer, _ key: UInt64) throws -> MDB_val {
        try withUnsafeBytes(of: key) { key in
            var key = MDB_val(key)
            var value = MDB_val()
            try LMDB.check(lmdb.api.get(transaction, database, &key, &value))
            return value
        }
    }

    private func scan(_ transaction: OpaquePointer, _ start: UInt64, _ count: UInt64) throws
        -> UInt64
    {
        let api = lmdb.api
        var cursor: OpaquePointer?
        try LMDB.check(api.cursor_open(transaction, database, &cursor))
        defer { api.cursor_close(cursor!) }
        return withUnsafeBytes(of: start) { start in
            var key = MDB_val(start)
            var value = MDB_val()
            var sum: UInt64 = 0
            var code = api.cursor_get(cursor!, &key, &value, Int32(LMDB_SET_RANGE))
            for _ in 0 ..< count where code == 0 {
                sum &+= value.word
                code = api.cursor_get(cursor!, &key, &value, Int32(LMDB_NEXT))
            }
            return sum
        }
    }

    /// All readings share one read transaction, which is reset and renewed, as its makers advise.
    func run(_ operations: [RecordOperation]) throws -> UInt64 {
        let api = lmdb.api
        var reader: OpaquePointer?
        try LMDB.check(api.txn_begin(lmdb.environment, nil, UInt32(LMDB_RDONLY), &reader))
        api.txn_reset(reader!)
        defer { api.txn_abort(reader!) }
        var sum: UInt64 = 0
        for operation in operations {
            let (key, number) = (operation.key, operation.number)
            switch operation.kind {
            case .read:
                try LMDB.check(api.txn_renew(reader!))
                sum &+= try get(reader!, key).word
                api.txn_reset(reader!)
            case .scan:
                try LMDB.check(api.txn_renew(reader!))
                sum &+= try scan(reader!, key, number)
                api.txn_reset(reader!)
            case .update, .insert: try lmdb.write { try put($0, key, Record(field: number)) }
            case .modify:
                try lmdb.write { transaction in
                    var record = try get(transaction, key).mv_data!.loadUnaligned(as: Record.self)
                    record.field += number
                    try put(transaction, key, record)
                }
            }
        }
        return sum
    }
}
