import CPeers

/// PMDK's libpmemobj: transactions with undo logs in a mapped file, made for persistent memory.
///
/// On a file of an ordinary disk it makes every change durable with `msync`: `pmdk`. Told by
/// `PMEM_IS_PMEM_FORCE=1` that the file is persistent memory, it flushes processor caches instead,
/// which is as safe as Holdfast without a sync, against the end of the process but no power cut:
/// `pmdk-flush`. With `PMEM_NO_FLUSH=1` besides, as for machines whose caches survive, it does not
/// even that: `pmdk-nosync`, the fastest it can be. The library reads these variables when it is
/// loaded, so each mode has a process of its own.
final class PMDK {
    struct Mode {
        let system: String
        let environment: [String: String]
        /// A thousand times as slow as the others.
        let isSlow: Bool
    }

    static let modes = [
        Mode(
            system: "pmdk-nosync", environment: ["PMEM_IS_PMEM_FORCE": "1", "PMEM_NO_FLUSH": "1"],
            isSlow: false),
        Mode(system: "pmdk-flush", environment: ["PMEM_IS_PMEM_FORCE": "1"], isSlow: false),
        Mode(system: "pmdk", environment: ["PMEM_IS_PMEM_FORCE": "0"], isSlow: true),
    ]

    private nonisolated(unsafe) static let library:
        (functions: UnsafeMutablePointer<pmemobj>, missing: String?) = {
            let table = UnsafeMutablePointer<pmemobj>.allocate(capacity: 1)
            return (table, pmemobj_load(table).map { String(cString: $0) })
        }()

    static var missing: String? { library.missing }
    static var isThere: Bool { missing == nil }

    let table = PMDK.library.functions
    let api = PMDK.library.functions.pointee
    let pool: OpaquePointer

    init(newAt path: String, bytes: Int) throws {
        guard let pool = api.create(path, "benchmark", max(bytes, 16 << 20), 0o644) else {
            throw WrongResult(description: "PMDK cannot make \(path)")
        }
        self.pool = pool
    }

    func close() { api.close(pool) }

    @inline(__always)
    func transaction(_ body: () throws -> Void) throws {
        guard pmemobj_begin(table, pool) == 0 else {
            throw WrongResult(description: "PMDK cannot begin a transaction")
        }
        try body()
        api.tx_commit()
        guard api.tx_end() == 0 else { throw WrongResult(description: "PMDK cannot commit") }
    }
}

/// Blocks in transactions of at most a thousand: larger ones grow logs of their own, and took
/// longer for each.
struct PMDKBlocks: BlockPeer {
    private let pmdk: PMDK
    private let pool: UInt64

    init(newAt path: String, bytes: Int) throws {
        pmdk = try PMDK(newAt: path, bytes: bytes)
        pool = pmdk.api.root(pmdk.pool, 64).pool_uuid_lo
    }

    func close() { pmdk.close() }

    private static var batch: Int { 1000 }

    func allocate(_ count: Int, bytes: Int, into blocks: inout [UInt64]) throws {
        for start in stride(from: 0, to: count, by: Self.batch) {
            try pmdk.transaction {
                for _ in start ..< min(start + Self.batch, count) {
                    blocks.append(pmdk.api.tx_alloc(bytes, 1).off)
                }
            }
        }
    }

    func free(_ blocks: [UInt64], bytes: Int) throws {
        let blocks = Array(blocks)
        for start in stride(from: 0, to: blocks.count, by: Self.batch) {
            try pmdk.transaction {
                for block in blocks[start ..< min(start + Self.batch, blocks.count)] {
                    _ = pmdk.api.tx_free(PMEMoid(pool_uuid_lo: pool, off: block))
                }
            }
        }
    }

    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<UInt64>]) throws {
        for start in stride(from: steps.startIndex, to: steps.endIndex, by: Self.batch) {
            try pmdk.transaction {
                for step in steps[start ..< min(start + Self.batch, steps.endIndex)] {
                    if let block = slots[step.slot].block {
                        _ = pmdk.api.tx_free(PMEMoid(pool_uuid_lo: pool, off: block))
                    }
                    slots[step.slot] = Slot(
                        block: pmdk.api.tx_alloc(step.bytes, 1).off, bytes: step.bytes)
                }
            }
        }
    }
}

/// Each word is noted before it is changed.
struct PMDKPair: PairPeer {
    private let pmdk: PMDK
    /// `first`, 64 bytes of other things, `second`.
    private let words: UnsafeMutablePointer<UInt64>

    init(newAt path: String, durable: Bool) throws {
        pmdk = try PMDK(newAt: path, bytes: 16 << 20)
        let root = pmdk.api.root(pmdk.pool, 80)
        words = UnsafeMutableRawPointer(pmdk.pool).advanced(by: Int(root.off)).assumingMemoryBound(
            to: UInt64.self)
    }

    func close() { pmdk.close() }

    func setPairs(_ numbers: Range<UInt64>) throws {
        let (pmdk, words) = (pmdk, words)
        for number in numbers {
            try pmdk.transaction {
                _ = pmdk.api.tx_add_range_direct(words, 8)
                words[0] = number
                _ = pmdk.api.tx_add_range_direct(words + 9, 8)
                words[9] = number
            }
        }
    }

    func second() -> UInt64 { words[9] }
}
