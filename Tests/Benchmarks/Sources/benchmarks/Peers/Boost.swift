import BoostPeer

/// Boost.Interprocess: containers in a shared mapping, without transactions. How it is set up
/// stands in `BoostPeer/boost_peer.cpp`, where its loops are too.
enum Boost {
    static var isThere: Bool { boost_is_there() }
    static var missing: String? { isThere ? nil : "boost/interprocess/managed_mapped_file.hpp" }
}

/// Keys as the C functions take them. They are made before the clock runs for the first time: the
/// loops of the other peers have theirs at hand too.
final class BoostKeys<Key: MapKey> {
    private var numbers: [UInt64] = []
    private var text: [CChar] = []
    private var ends: [UInt32] = []
    private let count: Int

    init(_ keys: [Key]) {
        count = keys.count
        // The same array: nothing is copied.
        if let numbers = keys as? [UInt64] {
            self.numbers = numbers
            return
        }
        for key in keys {
            key.withBytes { text.append(contentsOf: $0.lazy.map { CChar(bitPattern: $0) }) }
            ends.append(UInt32(text.count))
        }
    }

    func with<R>(_ body: (boost_keys) throws -> R) rethrows -> R {
        try numbers.withUnsafeBufferPointer { numbers in
            try text.withUnsafeBufferPointer { text in
                try ends.withUnsafeBufferPointer { ends in
                    try body(
                        boost_keys(
                            numbers: numbers.baseAddress, text: text.baseAddress,
                            ends: ends.baseAddress, count: count))
                }
            }
        }
    }
}

/// A map in a managed file, whose loops are in C++.
final class BoostMap<Key: MapKey> {
    private let map: OpaquePointer

    init(_ path: String, entries: Int, kind: boost_kind) throws {
        // The file does not grow by itself: room for the nodes, the texts, and the table while it
        // doubles.
        guard let map = boost_map_open(path, 64 << 20 + entries * 256, kind) else {
            throw WrongResult(description: "Boost cannot make \(path)")
        }
        self.map = map
    }

    init(existing path: String, kind: boost_kind) throws {
        guard let map = boost_map_open(path, 0, kind) else {
            throw WrongResult(description: "Boost cannot open \(path)")
        }
        self.map = map
    }

    deinit { boost_map_close(map) }

    func insert(_ keys: BoostKeys<Key>) throws {
        guard keys.with({ boost_map_insert(map, $0) }) else {
            throw WrongResult(description: "Boost's file is full")
        }
    }

    /// Of hashed ones.
    func reserve(_ entries: Int) { boost_map_reserve(map, entries) }

    /// Its own `flush` only asks the system to write some time (`MS_ASYNC`); a sync of the file
    /// waits until it has.
    func sync(_ path: String) throws {
        guard boost_map_flush(map), try syncFile(path) else {
            throw WrongResult(description: "Boost cannot flush its file")
        }
    }

    func update(_ keys: BoostKeys<Key>) { keys.with { boost_map_update(map, $0) } }
    func remove(_ keys: BoostKeys<Key>) { keys.with { boost_map_remove(map, $0) } }
    var count: Int { boost_map_count(map) }
    func get(_ keys: BoostKeys<Key>) -> UInt64 { keys.with { boost_map_get(map, $0) } }
    func miss(_ keys: BoostKeys<Key>) -> UInt64 { keys.with { boost_map_miss(map, $0) } }
    func iterate() -> UInt64 { boost_map_iterate(map) }
    func ranges(from starts: BoostKeys<Key>, count: Int) -> UInt64 {
        starts.with { boost_map_ranges(map, $0, count) }
    }
}

/// `boost::unordered_map`.
struct BoostHashMap<Key: MapKey>: MapPeer {
    let map: BoostMap<Key>

    static func prepared(_ keys: [Key]) -> BoostKeys<Key> { BoostKeys(keys) }

    init(newAt path: String, entries: Int) throws {
        map = try BoostMap(
            path, entries: entries, kind: Key.isInteger ? boost_hash_numbers : boost_hash_texts)
    }

    /// The mapping is the file: there is nothing to wait for.
    func reopened() -> BoostHashMap { self }
    func close() {}
    func insert(_ keys: BoostKeys<Key>) throws { try map.insert(keys) }
    func update(_ keys: BoostKeys<Key>) { map.update(keys) }
    func remove(_ keys: BoostKeys<Key>) { map.remove(keys) }
    var count: Int { map.count }
    func get(_ keys: BoostKeys<Key>) -> UInt64 { map.get(keys) }
    func miss(_ keys: BoostKeys<Key>) -> UInt64 { map.miss(keys) }
    func iterate() -> UInt64 { map.iterate() }
}

/// `boost::interprocess::map`, a red-black tree.
struct BoostTreeMap<Key: MapKey>: SortedMapPeer {
    let map: BoostMap<Key>

    static func prepared(_ keys: [Key]) -> BoostKeys<Key> { BoostKeys(keys) }

    init(newAt path: String, entries: Int) throws {
        map = try BoostMap(
            path, entries: entries, kind: Key.isInteger ? boost_tree_numbers : boost_tree_texts)
    }

    func reopened() -> BoostTreeMap { self }
    func close() {}
    func insert(_ keys: BoostKeys<Key>) throws { try map.insert(keys) }
    func update(_ keys: BoostKeys<Key>) { map.update(keys) }
    func remove(_ keys: BoostKeys<Key>) { map.remove(keys) }
    var count: Int { map.count }
    func get(_ keys: BoostKeys<Key>) -> UInt64 { map.get(keys) }
    func miss(_ keys: BoostKeys<Key>) -> UInt64 { map.miss(keys) }
    func iterate() -> UInt64 { map.iterate() }
    func ranges(from starts: BoostKeys<Key>, count: Int) -> UInt64 {
        map.ranges(from: starts, count: count)
    }
}

/// Blocks of a managed file, by its default memory algorithm, a best fit over a red-black tree with
/// one lock.
struct BoostBlocks: BlockPeer {
    private let blocks: OpaquePointer

    init(newAt path: String, bytes: Int) throws {
        guard let made = boost_blocks_create(path, bytes) else {
            throw WrongResult(description: "Boost cannot make \(path)")
        }
        blocks = made
    }

    func close() { boost_blocks_close(blocks) }

    func allocate(_ count: Int, bytes: Int, into all: inout [UnsafeMutableRawPointer]) throws {
        for _ in 0 ..< count { all.append(try one(bytes)) }
    }

    func free(_ all: [UnsafeMutableRawPointer], bytes: Int) {
        for block in all { boost_blocks_free(blocks, block) }
    }

    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<UnsafeMutableRawPointer>])
        throws
    {
        for step in steps {
            if let block = slots[step.slot].block { boost_blocks_free(blocks, block) }
            slots[step.slot] = Slot(block: try one(step.bytes), bytes: step.bytes)
        }
    }

    @inline(__always)
    private func one(_ bytes: Int) throws -> UnsafeMutableRawPointer {
        guard let block = boost_blocks_allocate(blocks, bytes) else {
            throw WrongResult(description: "Boost's file is full")
        }
        return block
    }
}

struct BoostOpening: OpeningPeer {
    private let map: BoostMap<UInt64>

    static func make(_ path: String, keys: [UInt64], sparseBytes: Int) throws {
        try BoostMap<UInt64>(path, entries: keys.count, kind: boost_hash_numbers).insert(
            BoostKeys(keys))
    }

    init(_ path: String, sparseBytes: Int) throws {
        map = try BoostMap(existing: path, kind: boost_hash_numbers)
    }
    func get(_ key: UInt64) -> UInt64 { map.get(BoostKeys([key])) }
    func close() {}
}

/// Room for all entries from the start, and a sync at the end.
enum BoostBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        let map = try BoostMap<UInt64>(path, entries: keys.count, kind: boost_hash_numbers)
        map.reserve(keys.count)
        try map.insert(BoostKeys(keys))
        try map.sync(path)
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        try BoostMap<UInt64>(existing: path, kind: boost_hash_numbers).iterate()
    }
}

enum BoostSortedBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        let map = try BoostMap<UInt64>(path, entries: keys.count, kind: boost_tree_numbers)
        try map.insert(BoostKeys(keys))
        try map.sync(path)
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        try BoostMap<UInt64>(existing: path, kind: boost_tree_numbers).iterate()
    }
}
