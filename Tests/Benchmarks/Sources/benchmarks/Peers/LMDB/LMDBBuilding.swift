import CPeers

/// Its makers' way to load much: sort, then `MDB_APPEND` in one transaction with `MDB_WRITEMAP` and
/// no sync but one at the end. The sorting counts where keys are not in order.
enum LMDBBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        let lmdb = try LMDB(path, mapBytes: LMDB.mapBytes(entries: keys.count), LMDB.Writemap.self)
        let database = try lmdb.database(integerKeys: true)
        var entries = keys.enumerated().map { (key: $0.element, place: UInt64($0.offset)) }
        let isSorted = zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }
        if !isSorted { entries.sort { $0.key < $1.key } }
        try lmdb.write { transaction in
            for entry in entries {
                try withUnsafeBytes(of: entry.key) { name in
                    try withUnsafeBytes(of: entry.place) { number in
                        var key = MDB_val(name)
                        var value = MDB_val(number)
                        try LMDB.check(
                            lmdb.api.put(transaction, database, &key, &value, UInt32(LMDB_APPEND)))
                    }
                }
            }
        }
        try LMDB.check(lmdb.api.env_sync(lmdb.environment, 1))
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        try LMDBMap<UInt64, LMDB.Nosync>(newAt: path, entries: keys.count).iterate()
    }
}
