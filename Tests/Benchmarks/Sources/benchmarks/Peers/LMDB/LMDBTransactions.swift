import CPeers

/// Both words in one value, so that one `put` changes them.
struct LMDBPair<Mode: LMDBMode>: PairPeer, EmptyReadPeer {
    private let lmdb: LMDB
    private let database: MDB_dbi

    init(newAt path: String, durable: Bool) throws {
        lmdb = try LMDB(path, mapBytes: 64 << 20, Mode.self)
        database = try lmdb.database(integerKeys: true)
        try setPairs(0 ..< 1)
    }

    func close() {}

    func setPairs(_ numbers: Range<UInt64>) throws {
        let (api, database) = (lmdb.api, database)
        for number in numbers {
            try lmdb.write { transaction in
                var name: UInt64 = 1
                var pair = (number, number)
                try withUnsafeBytes(of: &name) { name in
                    try withUnsafeBytes(of: &pair) { pair in
                        var key = MDB_val(name)
                        var value = MDB_val(pair)
                        try LMDB.check(api.put(transaction, database, &key, &value, 0))
                    }
                }
            }
        }
    }

    func second() throws -> UInt64 {
        try lmdb.read { transaction in
            var name: UInt64 = 1
            return try withUnsafeBytes(of: &name) { name in
                var key = MDB_val(name)
                var value = MDB_val()
                try LMDB.check(lmdb.api.get(transaction, database, &key, &value))
                return value.mv_data!.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            }
        }
    }

    /// One read transaction, which is reset and renewed.
    func readNothing(times: Int) throws -> UInt64 {
        let api = lmdb.api
        return try lmdb.read { transaction in
            var count: UInt64 = 0
            for _ in 0 ..< times {
                api.txn_reset(transaction)
                try LMDB.check(api.txn_renew(transaction))
                count += 1
            }
            return count
        }
    }
}

struct LMDBChanges<Mode: LMDBMode>: SmallChangePeer {
    let lmdb: LMDB
    let database: MDB_dbi

    init(newAt path: String, keys: [UInt64]) throws {
        // A reader that stays keeps all pages that were changed since.
        lmdb = try LMDB(path, mapBytes: 4 << 30, Mode.self)
        database = try lmdb.database(integerKeys: true)
        try lmdb.write { transaction in for key in keys { try put(transaction, key, 0) } }
    }

    func close() {}

    @inline(__always)
    private func put(_ transaction: OpaquePointer, _ key: UInt64, _ number: UInt64) throws {
        try withUnsafeBytes(of: key) { key in
            try withUnsafeBytes(of: number) { number in
                var key = MDB_val(key)
                var value = MDB_val(number)
                try LMDB.check(lmdb.api.put(transaction, database, &key, &value, 0))
            }
        }
    }

    /// `get` and `put`: for a single change a cursor would cost more than it saves.
    func updateEach(_ keys: [UInt64]) throws {
        let api = lmdb.api
        for key in keys {
            try lmdb.write { transaction in
                let number = try withUnsafeBytes(of: key) { name in
                    var name = MDB_val(name)
                    var value = MDB_val()
                    try LMDB.check(api.get(transaction, database, &name, &value))
                    return value.word
                }
                try put(transaction, key, number + 1)
            }
        }
    }

    func insertEach(_ keys: [UInt64]) throws {
        for key in keys { try lmdb.write { try put($0, key, 1) } }
    }

    func sum() throws -> UInt64 {
        let api = lmdb.api
        return try lmdb.read { transaction in
            var cursor: OpaquePointer?
            try LMDB.check(api.cursor_open(transaction, database, &cursor))
            var sum: UInt64 = 0
            var key = MDB_val()
            var value = MDB_val()
            while api.cursor_get(cursor!, &key, &value, Int32(LMDB_NEXT)) == 0 {
                sum &+= value.word
            }
            api.cursor_close(cursor!)
            return sum
        }
    }
}
