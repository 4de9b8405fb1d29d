/// The bytes and blocks that each owner has claimed, per run of pages.
///
/// Owners are numbers assigned by the caller. Nearly every run belongs to one owner, so the first
/// is stored in place and only further ones in a dictionary. Memory: 16 bytes per run.
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
    /// Indexed by the owner's number.
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
        // No block has 0 bytes, so 0 means that nothing in the run has been claimed.
        if first[run].bytes == 0 || first[run].owner == owner {
            first[run].owner = owner
            first[run].bytes += byteCount
        } else {
            further[Place(run: UInt32(truncatingIfNeeded: run), owner: owner), default: 0] +=
                byteCount
        }
    }

    /// The runs that have more than one owner, each with all of its owners but the first, ordered
    /// by the owners' numbers.
    func furtherOwners() -> [Int: [PageAccount.Share]] {
        var found: [Int: [PageAccount.Share]] = [:]
        for (place, bytes) in further {
            found[Int(place.run), default: []].append(
                PageAccount.Share(owner: place.owner, bytes: bytes))
        }
        return found.mapValues { $0.sorted { $0.owner < $1.owner } }
    }

    /// The owner that claimed the first block of the run; nil if none has.
    func firstOwner(ofRun run: Int) -> PageAccount.Share? {
        first[run].bytes == 0
            ? nil : PageAccount.Share(owner: first[run].owner, bytes: first[run].bytes)
    }
}
