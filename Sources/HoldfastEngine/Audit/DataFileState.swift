import HoldfastFormat
import HoldfastSystem

/// The expected state of the data file at one moment: a step of a scrub compares its pages with it.
final class DataFileState {
    /// Identifies the moment: equal values mean that the state is unchanged.
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
    /// The heap's end, in pages; if the data file is torn, the end of the part that is known.
    var end: Int
    /// Pages that the log changes.
    var logged: Set<Int> = []
    /// Logged pages may be torn; they are rewritten before anything relies on them.
    var isTorn: Bool
    /// The data file alone holds the whole state.
    var isAtRest: Bool
    /// A checkpoint or a hole punching was interrupted; the next opening or checkpoint repeats it.
    var mayBeTorn: Bool
    /// Known in advance, or else read from the data file on demand.
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

    /// Removes from `damaged` the pages that are not damage. `given` are the damaged pages that are
    /// all zeros or have no checksum, which is right for a free page whose space was punched out;
    /// `torn` are checksum pages that do not match their own checksum.
    func judge(
        _ damaged: [Int], given: Set<Int>, torn: Set<Int>, in file: any DiskFile
    ) throws(SystemError) -> [Int] {
        var damaged = damaged
        if !damaged.isEmpty, mayBeTorn {
            // The data file itself records which pages were being punched out; in the image they
            // may be in use again.
            let places =
                table.allPages
                + (header.isPunchingHoles
                    ? try HolePunching.longRuns(freePagesOfBase(in: file)) : [])
            damaged.removeAll { page in
                // A page whose checksum lies in a torn checksum page cannot be judged either.
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
