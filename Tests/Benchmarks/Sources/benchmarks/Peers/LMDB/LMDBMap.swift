import CPeers

/// What LMDB does for maps, both kinds: it has only sorted ones. Values are 8 bytes.
final class LMDBMap<Key: MapKey, Mode: LMDBMode>: SortedMapPeer {
    private let lmdb: LMDB
    private let database: MDB_dbi

    init(newAt path: String, entries: Int) throws {
        lmdb = try LMDB(path, mapBytes: LMDB.mapBytes(entries: entries), Mode.self)
        database = try lmdb.database(integerKeys: Key.isInteger)
    }

    init(existing path: String, entries: Int) throws {
        lmdb = try LMDB(path, mapBytes: LMDB.mapBytes(entries: entries), LMDB.Reading.self)
        database = try lmdb.existingDatabase(integerKeys: Key.isInteger)
    }

    /// Nothing to do: what is written lies in the file, which is mapped, and can be open only once
    /// in a process.
    func reopened() -> LMDBMap { self }

    func close() {}

    func insert(_ keys: [Key]) throws {
        let (api, database) = (lmdb.api, database)
        try lmdb.write { transaction in
            for place in keys.indices {
                var number = UInt64(place)
                try keys[place].withBytes { bytes in
                    try withUnsafeMutableBytes(of: &number) { number in
                        var key = MDB_val(bytes)
                        var value = MDB_val(UnsafeRawBufferPointer(number))
                        try LMDB.check(api.put(transaction, database, &key, &value, 0))
                    }
                }
            }
        }
    }

    /// With a cursor, which need not find the key twice.
    func update(_ keys: [Key]) throws {
        let api = lmdb.api
        try lmdb.write { transaction in
            var cursor: OpaquePointer?
            try LMDB.check(api.cursor_open(transaction, database, &cursor))
            for name in keys {
                try name.withBytes { bytes in
                    var key = MDB_val(bytes)
                    var value = MDB_val()
                    try LMDB.check(api.cursor_get(cursor!, &key, &value, Int32(LMDB_SET_KEY)))
                    var number = value.word + 1
                    try withUnsafeMutableBytes(of: &number) { number in
                        value = MDB_val(UnsafeRawBufferPointer(number))
                        try LMDB.check(api.cursor_put(cursor!, &key, &value, UInt32(LMDB_CURRENT)))
                    }
                }
            }
            api.cursor_close(cursor!)
        }
    }

    func remove(_ keys: [Key]) throws {
        let (api, database) = (lmdb.api, database)
        try lmdb.write { transaction in
            for name in keys {
                try name.withBytes { bytes in
                    var key = MDB_val(bytes)
                    try LMDB.check(api.del(transaction, database, &key, nil))
                }
            }
        }
    }

    var count: Int {
        get throws {
            var count = 0
            try eachValue { _ in count += 1 }
            return count
        }
    }

    func get(_ keys: [Key]) throws -> UInt64 {
        let (api, database) = (lmdb.api, database)
        return try lmdb.read { transaction in
            var sum: UInt64 = 0
            for name in keys {
                try name.withBytes { bytes in
                    var key = MDB_val(bytes)
                    var value = MDB_val()
                    try LMDB.check(api.get(transaction, database, &key, &value))
                    sum &+= value.word
                }
            }
            return sum
        }
    }

    func miss(_ keys: [Key]) throws -> UInt64 {
        let (api, database) = (lmdb.api, database)
        return try lmdb.read { transaction in
            var misses: UInt64 = 0
            for name in keys {
                name.withBytes { bytes in
                    var key = MDB_val(bytes)
                    var value = MDB_val()
                    if api.get(transaction, database, &key, &value) == LMDB_NOTFOUND { misses += 1 }
                }
            }
            return misses
        }
    }

    func iterate() throws -> UInt64 {
        var sum: UInt64 = 0
        try eachValue { sum &+= $0 }
        return sum
    }

    @inline(__always)
    private func eachValue(_ body: (UInt64) -> Void) throws {
        let api = lmdb.api
        try lmdb.read { transaction in
            var cursor: OpaquePointer?
            try LMDB.check(api.cursor_open(transaction, database, &cursor))
            var key = MDB_val()
            var value = MDB_val()
            while api.cursor_get(cursor!, &key, &value, Int32(LMDB_NEXT)) == 0 { body(value.word) }
            api.cursor_close(cursor!)
        }
    }

    func ranges(from starts: [Key], count: Int) throws -> UInt64 {
        let api = lmdb.api
        return try lmdb.read { transaction in
            var cursor: OpaquePointer?
            try LMDB.check(api.cursor_open(transaction, database, &cursor))
            var sum: UInt64 = 0
            for start in starts {
                try start.withBytes { bytes in
                    var key = MDB_val(bytes)
                    var value = MDB_val()
                    try LMDB.check(api.cursor_get(cursor!, &key, &value, Int32(LMDB_SET_RANGE)))
                    sum &+= value.word
                    for _ in 1 ..< count {
                        try LMDB.check(api.cursor_get(cursor!, &key, &value, Int32(LMDB_NEXT)))
                        sum &+= value.word
                    }
                }
            }
            api.cursor_close(cursor!)
            return sum
        }
    }
}
