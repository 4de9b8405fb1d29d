/// How many bytes and blocks each owner has claimed, and in which run of pages.
///
/// Owners are numbers that the one who walks gives out. Nearly every run belongs to one owner, so
/// the first is kept in place and only further ones in a dictionary. Memory: 16 bytes for each run.
struct OwnerTally {
    /// A run's first owner and its bytes there.
    private struct First {
        var owner: UInt32 = 0
        var bytes: UInt64 = 0
    }

    private struct Place: Hashable {
        var run: UInt32
        var owner: UInt32
    }

    private var first: [First]
    private var further: [Place: UInt64] = [:]
    /// By owner's number.
    private(set) var bytes: [UInt64] = []
    private(set) var blocks: [Int] = []

    init(runs: Int) { first = Array(repeating: First(), count: runs) }

    mutating func add(_ byteCount: UInt64, of owner: UInt32, inRun run: Int) {
        while bytes.count <= Int(owner) {
            bytes.append(0)
            blocks.append(0)
        }
        bytes[Int(owner)] += byteCount
        blocks[Int(owner)] += 1
        // No block has 0 bytes, so that 0 says that nobody has claimed anything in the run.
        if first[run].bytes == 0 || first[run].owner == owner {
            first[run].owner = owner
            first[run].bytes += byteCount
        } else {
            further[Place(run: UInt32(truncatingIfNeeded: run), owner: owner), default: 0] +=
                byteCount
        }
    }

    /// The runs that have more than one owner, with all but their first ones, each list in the
    /// order of the owners' numbers.
    func furtherOwners() -> [Int: [PageAccount.Share]] {
        var found: [Int: [PageAccount.Share]] = [:]
        for (place, bytes) in further {
            found[Int(place.run), default: []].append(
                PageAccount.Share(owner: place.owner, bytes: bytes))
        }
        return found.mapValues { $0.sorted { $0.owner < $1.owner } }
    }

    /// The owner that claimed the first block of the run, nil if nobody has.
    func firstOwner(ofRun run: Int) -> PageAccount.Share? {
        first[run].bytes == 0
            ? nil : PageAccount.Share(owner: first[run].owner, bytes: first[run].bytes)
    }
}
