#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// Bytes: of files at rest, and on their way to the disk.

private let count = 1_000_000
private let commits = 10
private let series = 20

var sizeFamilies: [Family] {
    [
        sizes(of: "map", HoldfastMap<UInt64>.self, BoostHashMap<UInt64>.self, MapData<UInt64>.self),
        sizes(of: "map", HoldfastMap<String>.self, BoostHashMap<String>.self, MapData<String>.self),
        sizes(
            of: "sorted", HoldfastSortedMap<UInt64>.self, BoostTreeMap<UInt64>.self,
            MapData<UInt64>.self),
        written,
    ]
}

/// What a map of a million entries, inserted in random order, takes on the disk when it is closed.
/// Holes do not count.
private func sizes<Key: MapKey, Ours: MapPeer, Boosts: MapPeer>(
    of kind: String, _: Ours.Type, _: Boosts.Type, _: MapData<Key>.Type
) -> Family where Ours.Key == Key, Boosts.Key == Key {
    let work = "bytes.disk.\(kind).\(Key.workName).1e6"
    return Family(
        name: work, works: [work],
        contestants: { bench in
            let data = MapData<Key>(count: count, sorted: false)
            func size<Peer: MapPeer>(_: Peer.Type, _ system: String) -> Contestant
            where Peer.Key == Key {
                Contestant(system: system) { recorder in
                    let path = bench.folder.fresh("size.file")
                    try fill(Peer.self, path, data.keys)
                    recorder.record(work, Double(try diskBytes(path)), unit: .bytes)
                    _ = bench.folder.fresh("size.file")
                }
            }
            return [
                size(Ours.self, "holdfast"),
                LMDB.isThere ? size(LMDBMap<Key, LMDB.Nosync>.self, "lmdb") : nil,
                SQLite.isThere ? size(SQLiteMap<Key>.self, "sqlite") : nil,
                Boost.isThere ? size(Boosts.self, "boost") : nil,
            ].compactMap { $0 }
        })
}

/// Closed when it returns, in whatever way a system closes.
private func fill<Peer: MapPeer>(_: Peer.Type, _ path: String, _ keys: [Peer.Key]) throws {
    let peer = try Peer(newAt: path, entries: keys.count)
    try peer.insert(Peer.prepared(keys))
    guard try peer.count == keys.count else {
        throw WrongResult(description: "entries are missing in \(path)")
    }
    try peer.close()
}

private func diskBytes(_ path: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw WrongResult(description: "there is no \(path)") }
    return Int(status.st_blocks) * 512
}

/// What the disk is given for each durable change of a word. The disk counts for all processes of
/// the machine: the least of many short series is this one's.
private var written: Family {
    Family(
        name: "written", works: ["bytes.written.8"],
        contestants: { bench in
            guard let disk = Disk(of: bench.folder.path) else {
                Terminal.note(
                    "left out: bytes.written.8: the system does not say what its disk was given")
                return []
            }
            func changes<Peer: GroupCommitPeer>(_: Peer.Type, _ system: String) -> Contestant {
                Contestant(system: system) { recorder in
                    let peer = try Peer(newAt: bench.folder.fresh("written.file"), threads: 1)
                    try peer.commit(commits, thread: 0)
                    var least = Int.max
                    for _ in 0 ..< series {
                        let before = try disk.writtenBytes()
                        try peer.commit(commits, thread: 0)
                        least = min(least, try disk.writtenBytes() - before)
                    }
                    recorder.record(
                        "bytes.written.8", Double(least) / Double(commits), unit: .bytes)
                    try recorder.check("bytes.written.8", try peer.word(0), UInt64(commits))
                    try peer.close()
                }
            }
            return [
                changes(HoldfastGroup.self, "holdfast"),
                LMDB.isThere ? changes(LMDBGroup.self, "lmdb") : nil,
                SQLite.isThere ? changes(SQLiteGroup.self, "sqlite") : nil,
            ].compactMap { $0 }
        })
}

/// The disk that a file lies on, as Linux counts what it is given. (What it counts for each process
/// is no use: with large folios, a whole megabyte for one block.)
private struct Disk {
    private let statistics: String

    init?(of path: String) {
        #if os(Linux)
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            let device = UInt64(status.st_dev)
            statistics =
                "/sys/dev/block/\(device >> 8 & 0xfff):\(device & 0xff | device >> 12 & 0xfff00)/stat"
            guard (try? writtenBytes()) != nil else { return nil }
        #else
            return nil
        #endif
    }

    func writtenBytes() throws -> Int {
        let numbers = try readText(statistics).split(whereSeparator: { $0 == " " || $0 == "\n" })
            .compactMap { Int($0) }
        guard numbers.count > 6 else {
            throw WrongResult(description: "\(statistics) does not say what was written")
        }
        return numbers[6] * 512
    }
}

func readText(_ path: String) throws -> String {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw WrongResult(description: "cannot read \(path)") }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}
