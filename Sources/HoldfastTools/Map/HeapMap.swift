import Holdfast
import HoldfastInspection

/// The contents of a picture of a heap: every byte belongs to exactly one entry of the legend, page
/// by page.
///
/// The drawings (``TerminalMap``, ``SVGMap``, ``HTMLMap``) are functions of this value alone, so
/// the same heap always gives the same picture.
public struct HeapMap: Sendable {
    /// The use of an entry's bytes.
    public enum Use: Hashable, Sendable {
        /// Bytes of a root with a colour of its own, a number below `MapPalette.count`.
        case root(colour: Int)
        /// Bytes of all further roots.
        case otherRoots
        /// The catalogue of roots.
        case catalogue
        /// Blocks in use that no root leads to.
        case unreached
        /// Headers, the allocator's root and the page map.
        case records
        case checksums
        /// Parts of slabs outside of blocks in use: free slots, headers, the remainder at the end.
        case slack
        /// Free pages.
        case free
        /// Pages that the allocator's damaged records do not account for.
        case unaccounted
    }

    /// A line of the legend.
    public struct Entry: Sendable {
        public let use: Use
        /// The name of a root, or the use of the bytes as text.
        public let name: String
        public let bytes: Int
        /// The share of the heap in tenths of a percent. Those of all entries add up to 1000.
        public fileprivate(set) var tenths: Int
    }

    /// The slabs of one size class.
    public struct SlabClass: Hashable, Sendable {
        public let slotBytes: Int
        public var slabs = 0
        public var pages = 0
        public var slots = 0
        public var usedSlots = 0
    }

    /// The title above the picture: the file's name.
    public let title: String
    /// The account of pages on which the picture is based.
    public let use: HeapPages
    /// The legend: roots in descending order of size, then the rest. No entry is empty.
    public let entries: [Entry]
    /// In ascending order of slot size.
    public let slabClasses: [SlabClass]
    /// The number of runs of free pages, and the length of the longest in pages.
    public let freeRuns: Int
    public let longestFreeRun: Int
    private let entryOfRoot: [Int]
    private let entryOfUse: [Use: Int]

    /// The number of bytes in all pages.
    public var byteCount: Int { use.pageCount * Self.pageBytes }
    /// The size of a page in bytes.
    public static let pageBytes = 4096

    /// Roots that were not followed, since this program does not know their types.
    public var unfollowedRoots: [String] { use.roots.filter { !$0.isFollowed }.map(\.root.name) }

    /// Creates the contents of a picture from the use of a heap's pages.
    ///
    /// - Complexity: O(number of page ranges).
    public init(_ use: HeapPages, title: String) {
        self.use = use
        self.title = title
        let largest = use.roots.indices.filter { use.roots[$0].bytes > 0 }
            .sorted {
                (use.roots[$1].bytes, use.roots[$0].root.name) < (
                    use.roots[$0].bytes, use.roots[$1].root.name
                )
            }
        // A single further root can take the place of "other roots", but without a colour.
        let coloured = largest.prefix(MapPalette.count)
        let others = largest.dropFirst(MapPalette.count)
        let colours = MapPalette.colours(ofRootsNamed: coloured.map { use.roots[$0].root.name })

        var entries = zip(coloured, colours).map { index, colour in
            Entry(
                use: .root(colour: colour), name: use.roots[index].root.name,
                bytes: use.roots[index].bytes, tenths: 0)
        }
        let otherBytes = others.reduce(0) { $0 + use.roots[$1].bytes }
        let sums = Sums(use)
        let rest: [(Use, String, Int)] = [
            (
                .otherRoots,
                others.count == 1
                    ? use.roots[others.first!].root.name : "\(others.count) other roots", otherBytes
            ),
            (.catalogue, "catalogue of roots", use.catalogueBytes),
            (
                .unreached, use.isComplete ? "blocks that no root leads to" : "blocks not reached",
                use.unreachedBytes
            ),
            (.slack, "free slots in slabs", sums.slack), (.free, "free pages", sums.free),
            (.records, "header, page map", sums.records), (.checksums, "checksums", sums.checksums),
            (.unaccounted, "not accounted for", sums.unaccounted),
        ]
        entries += rest.filter { $0.2 > 0 }.map {
            Entry(use: $0.0, name: $0.1, bytes: $0.2, tenths: 0)
        }
        for (index, share) in MapText.tenths(of: entries.map(\.bytes)).enumerated() {
            entries[index].tenths = share
        }

        var entryOfRoot = [Int](repeating: coloured.count, count: use.roots.count)
        for (place, index) in coloured.enumerated() { entryOfRoot[index] = place }
        self.entryOfRoot = entryOfRoot
        entryOfUse = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.use, $0) })
        self.entries = entries
        slabClasses = sums.classes.values.sorted { $0.slotBytes < $1.slotBytes }
        freeRuns = sums.freeRuns
        longestFreeRun = sums.longestFreeRun
    }

    /// Returns the bytes of a range by entries of the legend, in its order. They add up to all
    /// bytes of its pages.
    func parts(of stretch: HeapPages.Stretch) -> [MapCell.Part] {
        let whole = stretch.pages.count * Self.pageBytes
        func all(_ use: Use) -> [MapCell.Part] {
            entryOfUse[use].map { [MapCell.Part(entry: $0, bytes: whole)] } ?? []
        }
        switch stretch.kind {
        case .header, .allocator: return all(.records)
        case .checksums: return all(.checksums)
        case .free: return all(.free)
        case .damagedSlab, .unaccounted: return all(.unaccounted)
        case .run, .slab: break
        }
        var bytes: [Int: Int] = [:]
        for share in stretch.shares {
            let entry: Int? =
                switch share.owner {
                case .root(let index): entryOfRoot[index]
                case .catalogue: entryOfUse[.catalogue]
                case .unreached: entryOfUse[.unreached]
                }
            if let entry { bytes[entry, default: 0] += share.bytes }
        }
        let rest = whole - bytes.values.reduce(0, +)
        if rest > 0, let entry = entryOfUse[.slack] { bytes[entry, default: 0] += rest }
        return bytes.sorted { $0.key < $1.key }.map { MapCell.Part(entry: $0.key, bytes: $0.value) }
    }

    /// The sums of one walk over the account.
    private struct Sums {
        var records = 0
        var checksums = 0
        var free = 0
        var slack = 0
        var unaccounted = 0
        var freeRuns = 0
        var longestFreeRun = 0
        var classes: [Int: SlabClass] = [:]

        init(_ use: HeapPages) {
            for stretch in use {
                let bytes = stretch.pages.count * HeapMap.pageBytes
                switch stretch.kind {
                case .header, .allocator: records += bytes
                case .checksums: checksums += bytes
                case .free:
                    free += bytes
                    freeRuns += 1
                    longestFreeRun = max(longestFreeRun, stretch.pages.count)
                case .damagedSlab, .unaccounted: unaccounted += bytes
                case .run: slack += bytes - stretch.usedBytes
                case .slab(let slab):
                    slack += bytes - stretch.usedBytes
                    var sum = classes[slab.slotBytes] ?? SlabClass(slotBytes: slab.slotBytes)
                    sum.slabs += 1
                    sum.pages += stretch.pages.count
                    sum.slots += slab.slots
                    sum.usedSlots += slab.usedSlots
                    classes[slab.slotBytes] = sum
                }
            }
        }
    }
}
