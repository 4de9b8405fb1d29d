import HoldfastEngine
import HoldfastFormat

/// A root as recorded in the catalogue. Its record has been verified, but not its contents.
package struct FoundRoot {
    package let keyPlace: UInt64
    /// The place of the word that leads to the root, and the value of the word.
    package let place: UInt64
    package let name: String
    /// Nil if it could not be read.
    package let description: String?
    package let offset: UInt64

    /// The root whose name is at `keyPlace` and whose word is at `place`. The name has been
    /// verified.
    init(
        _ verification: some BlockVerifier, keyPlace: UInt64, place: UInt64, description: String?
    ) {
        self.keyPlace = keyPlace
        self.place = place
        let access = verification.access
        name = String.load(access.load(keyPlace, as: StoredBytes.self), from: access)
        self.description = description
        offset = verification.load(place, as: UInt64.self)
    }
}

extension BlockVerifier {
    /// Reports a description that does not have the fingerprint. Returns whether it has.
    mutating func matches(_ description: String, _ fingerprint: UInt64) -> Bool {
        if TypeRegistry.fingerprint(of: description) == fingerprint { return true }
        report("its type description \(description) does not match its fingerprint")
        return false
    }
}

/// The blocks that a root owns, as far as a walk has found them. Shared data counts for the first
/// root that leads to it.
package struct RootAccount {
    package private(set) var blocks = 0
    /// The size as allocated.
    package private(set) var bytes = 0
    /// At most 20.
    package private(set) var problems: [String] = []
    /// The same of indexes, if they are only noted; see `IndexTreatment`.
    package private(set) var indexProblems: [String] = []
    /// The watched pages that contain any of the root's blocks.
    package private(set) var watchedPages: Set<Int> = []

    package init() {}

    mutating func add(problem: String) { if problems.count < 20 { problems.append(problem) } }

    mutating func add(indexProblem problem: String) {
        if indexProblems.count < 20 { indexProblems.append(problem) }
    }

    mutating func add(_ offset: UInt64, byteCount: Int, blockBytes: Int, watching pages: [Int]) {
        blocks += 1
        bytes += blockBytes
        guard !pages.isEmpty else { return }
        let first = Int(offset >> HeapLayout.pageShift)
        let last = Int((offset + UInt64(max(byteCount, 1)) - 1) >> HeapLayout.pageShift)
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            if pages[middle] < first { low = middle + 1 } else { high = middle }
        }
        while low < pages.count, pages[low] <= last {
            watchedPages.insert(pages[low])
            low += 1
        }
    }
}

/// What a walk does about the indexes of tables, which can be made anew from the rows.
package enum IndexTreatment {
    /// They are verified like everything else.
    case verified
    /// They are verified last, and what is wrong with them is noted apart from all problems.
    case noted
    /// They are not looked at.
    case leftOut
}
