import CPeers

struct LMDBOpening: OpeningPeer {
    private let lmdb: LMDB

    private static func mapBytes(_ sparseBytes: Int) -> Int {
        max(sparseBytes, LMDB.mapBytes(entries: 1_000_000))
    }

    /// With `MDB_WRITEMAP` for the sparse one: it makes the file as long as the map.
    static func make(_ path: String, keys: [UInt64], sparseBytes: Int) throws {
        let lmdb = try LMDB(
            path, mapBytes: mapBytes(sparseBytes),
            sparseBytes > 0 ? LMDB.Writemap.self : LMDB.Nosync.self)
        let database = try lmdb.database(integerKeys: true)
        try lmdb.write { transaction in
            for place in keys.indices {
                try withUnsafeBytes(of: keys[place]) { name in
                    try withUnsafeBytes(of: UInt64(place)) { number in
                        var key = MDB_val(name)
                        var value = MDB_val(number)
                        try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
                    }
                }
            }
        }
    }

    init(_ path: String, sparseBytes: Int) throws {
        lmdb = try LMDB(path, mapBytes: Self.mapBytes(sparseBytes), LMDB.Reading.self)
    }

    /// Database and key in one transaction.
    func get(_ key: UInt64) throws -> UInt64 {
        try lmdb.read { transaction in
            var database: MDB_dbi = 0
            try LMDB.check(lmdb.api.dbi_open(transaction, nil, UInt32(LMDB_INTEGERKEY), &database))
            return try withUnsafeBytes(of: key) { name in
                var key = MDB_val(name)
                var value = MDB_val()
                try LMDB.check(lmdb.api.get(transaction, database, &key, &value))
                return value.word
            }
        }
    }

    func close() {}
}
