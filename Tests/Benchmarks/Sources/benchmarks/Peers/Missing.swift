/// The peers that this machine does not have, and what was looked for.
var missingPeers: [String] {
    [
        ("LMDB", LMDB.missing), ("SQLite", SQLite.missing), ("Boost.Interprocess", Boost.missing),
        ("PMDK", PMDK.missing),
        ("mimalloc", Mimalloc.missing),
    ]
    .compactMap { name, missing in missing.map { "\(name): no \($0)" } }
}
