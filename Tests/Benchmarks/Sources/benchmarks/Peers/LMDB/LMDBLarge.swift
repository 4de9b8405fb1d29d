import CPeers

/// Without read-ahead, as its makers advise for data that is larger than memory.
struct LMDBLarge: LargePeer {
    private enum Mode: LMDBMode {
        static var flags: Int { LMDB_NOSUBDIR | LMDB_NOSYNC | LMDB_NORDAHEAD }
    }

    private let lmdb: LMDB
    private let database: MDB_dbi

    static func fill(_ path: String, count: UInt64) throws {
        let peer = try LMDBLarge(existing: path, memory: 0)
        for start in stride(from: 0, to: count, by: 1000) {
            try peer.lmdb.write { transaction in
                for key in start ..< min(start + 1000, count) {
                    try peer.put(transaction, key, 1, UInt32(LMDB_APPEND))
                }
            }
        }
    }

    init(existing path: String, memory: Int) throws {
        lmdb = try LMDB(path, mapBytes: 8 << 30, Mode.self)
        database = try lmdb.database(integerKeys: true)
    }

    private func put(
        _ transaction: OpaquePointer, _ key: UInt64, _ number: UInt64, _ flags: UInt32
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: LargeValue.bytes, alignment: 8) { bytes in
            LargeValue.fill(bytes, key, number)
            try withUnsafeBytes(of: key) { name in
                var name = MDB_val(name)
                var value = MDB_val(UnsafeRawBufferPointer(bytes))
                try LMDB.check(lmdb.api.put(transaction, database, &name, &value, flags))
            }
        }
    }

    func get(_ key: UInt64) throws -> UInt64 {
        try lmdb.read { transaction in
            try withUnsafeBytes(of: key) { name in
                var name = MDB_val(name)
                var value = MDB_val()
                try LMDB.check(lmdb.api.get(transaction, database, &name, &value))
                return value.word
            }
        }
    }

    func put(_ key: UInt64, _ number: UInt64) throws {
        try lmdb.write { try put($0, key, number, 0) }
    }

    func close() throws {}
}
