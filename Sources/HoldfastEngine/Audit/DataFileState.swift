import HoldfastFormat
import HoldfastSystem

/// What the base image should be at one moment: what a step of a scrub compares its pages with.
final class DataFileState {
    /// Tells whether it is still the same.
    struct Moment: Equatable {
        var sequence: UInt64
        var required: UInt64
        var hasLog: Bool
        var published: UInt64
    }

    let moment: Moment
    private let header: HeapHeader
    let table: PageChecksums
    /// Pages that hold checksums.
    let reserved: [Range<Int>]
    /// The heap's end, in pages; where the base image is torn, how far it is known.
    var end: Int
    /// Pages that the log changes.
    var logged: Set<Int> = []
    /// Logged pages may be torn, and are written anew before anyone relies on them.
    var isTorn: Bool
    /// Nothing but the base image counts.
    var isAtRest: Bool
    /// By a checkpoint or by the giving back of pages that was cut short, until whoever comes next
    /// does it again.
    var mayBeTorn: Bool
    /// Known before, or else as the base image says when that is asked for.
    var freePages: [Range<Int>]?

    init(_ header: HeapHeader, at moment: Moment, isTorn: Bool) {
        self.moment = moment
        self.header = header
        self.isTorn = isTorn
        table = PageChecksums(parts: header.pageMapParts)
        reserved = table.allPages
        end = Int(header.heapPages)
        isAtRest = !header.logInUse
        mayBeTorn = header.isPunchingHoles
    }

    /// Takes from damaged pages those that are no damage: `given` are those of them that are zeros
    /// or have no checksum, right for a free page whose space has been given back; `torn` pages of
    /// checksums that do not match their own.
    func judge(
        _ damaged: [Int], given: Set<Int>, torn: Set<Int>, in file: any DiskFile
    ) throws(SystemError) -> [Int] {
        var damaged = damaged
        if !damaged.isEmpty, mayBeTorn {
            // Which pages were being given back stands in the base image itself; in the view they
            // may be in use again.
            let places =
                table.allPages
                + (header.isPunchingHoles
                    ? try HolePunching.longRuns(freePagesOfBase(in: file)) : [])
            damaged.removeAll { page in
                // A page whose checksum lies in a torn page of checksums cannot be judged either.
                places.contains { $0.contains(page) }
                    || table.place(of: page).map { torn.contains($0.checksumPage) } ?? false
            }
        }
        guard damaged.contains(where: given.contains) else { return damaged }
        if freePages == nil { freePages = try freePagesOfBase(in: file) }
        let free = freePages!
        return damaged.filter { page in
            !given.contains(page) || !free.contains { $0.contains(page) }
        }
    }

    private func freePagesOfBase(in file: any DiskFile) throws(SystemError) -> [Range<Int>] {
        try PageVerifier.freePages(of: file, end: header.heapPages)
    }
}
