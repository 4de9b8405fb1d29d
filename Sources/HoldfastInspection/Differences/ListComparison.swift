import Holdfast
import HoldfastEngine

/// The comparison of two arrays or deques by an alignment.
///
/// From the front on, elements that are alike are paired. Where they differ, the nearest element
/// that occurs in both lists says how many are in between: as many as both have are paired and
/// compared part by part, and the rest has been removed or added. If there is none nearby, elements
/// are paired by their places. Any alignment is right, because pairs are compared; this one takes
/// O(*n*), and finds insertions and removals of up to `nearby` elements anywhere, and any number in
/// one place, since an equal end is set aside first.
final class ListComparison: PartComparison {
    /// One of the two lists.
    struct List {
        let heap: ComparedHeap
        let list: any InspectableList
        let element: LineForm
        let count: Int

        init(_ list: any InspectableList, _ element: LineForm, of heap: ComparedHeap) {
            (self.heap, self.list, self.element) = (heap, list, element)
            count = list.count
        }

        /// Whether the elements are references, or optionals of them.
        var hasReferences: Bool {
            var form = element
            while case .optional(let wrapped, _, _) = form.content! { form = wrapped }
            if case .reference = form.content! { return true }
            return false
        }

        subscript(index: Int) -> ComparedValue {
            ComparedValue(element, list.elementPlace(index))
        }

        func digest(_ index: Int, _ pairs: RecordPairs) throws -> Int {
            try ElementDigest(heap, pairs).digest(of: self[index])
        }
    }

    private static let nearby = 4096
    /// The number of elements whose bytes are compared at once.
    private static let block = 512

    private let old: List?
    private let new: List?
    private let equality: ValueEquality
    /// The bytes of an element, if they alone are its value.
    private let plainBytes: Int?
    /// The next elements of both.
    private var (left, right) = (0, 0)
    /// The ends of the lists without the equal end.
    private var (leftEnd, rightEnd) = (0, 0)
    /// What has been decided about the next elements.
    private var (pairs, removals, insertions) = (0, 0, 0)

    /// Nil for one of them if only the other one is to be followed.
    init(_ old: List?, _ new: List?, _ equality: ValueEquality) throws {
        (self.old, self.new, self.equality) = (old, new, equality)
        plainBytes =
            if let old, let new { Self.plainBytes(old.element, new.element) } else { nil }
        (leftEnd, rightEnd) = (old?.count ?? 0, new?.count ?? 0)
        guard let old, let new, old.count != new.count else { return }
        // References are all alike at first, and more often added at the end than at the start.
        if old.hasReferences, !equality.pairs.isComplete { return }
        var end = 0
        while end < min(old.count, new.count),
            try areAlike(old.count - 1 - end, new.count - 1 - end)
        {
            end += 1
        }
        (leftEnd, rightEnd) = (old.count - end, new.count - end)
    }

    func next() throws -> ComparedPart? {
        while true {
            if pairs > 0 {
                pairs -= 1
                return pair()
            }
            if removals > 0 {
                removals -= 1
                let part = ComparedPart(.index(right + removals), old![left + removals], nil)
                if removals == 0 { left = removedEnd }
                return part
            }
            if insertions > 0 {
                insertions -= 1
                right += 1
                return ComparedPart(.index(right - 1), nil, new![right - 1])
            }
            guard try decide() else { return nil }
        }
    }

    /// Where the old list goes on after the removals, which begin at their last element: so the
    /// indices of the others stay.
    private var removedEnd = 0

    private func pair() -> ComparedPart {
        (left, right) = (left + 1, right + 1)
        return ComparedPart(.index(right - 1), old![left - 1], new![right - 1])
    }

    private func remove(_ count: Int) { (removals, removedEnd) = (count, left + pairs + count) }

    /// Decides about the next elements. Returns false at the end.
    private func decide() throws -> Bool {
        if left == leftEnd, right == rightEnd {
            // The equal end, in which parts that were not looked at may differ.
            guard let old, let new, left < old.count else { return false }
            if plainBytes != nil { return false }
            (leftEnd, rightEnd) = (old.count, new.count)
            pairs = old.count - left
            return true
        }
        if left == leftEnd {
            insertions = rightEnd - right
            return true
        }
        if right == rightEnd {
            remove(leftEnd - left)
            return true
        }
        skipEqualBytes()
        guard left < leftEnd, right < rightEnd else { return true }
        if try areAlike(left, right) {
            pairs = 1
            return true
        }
        try align()
        return true
    }

    // MARK: Alignment

    private func align() throws {
        guard let old, let new else { return }
        let (oldLeft, newLeft) = (leftEnd - left, rightEnd - right)
        var oldSeen: [Int: Int] = [:]
        var newSeen: [Int: Int] = [:]
        var found: (removed: Int, inserted: Int)?
        var distance = 0
        while distance < min(Self.nearby, max(oldLeft, newLeft)), found == nil {
            if distance < oldLeft {
                let digest = try old.digest(left + distance, equality.pairs)
                if oldSeen[digest] == nil { oldSeen[digest] = distance }
                if let inserted = newSeen[digest] { found = (distance, inserted) }
            }
            if distance < newLeft, found == nil {
                let digest = try new.digest(right + distance, equality.pairs)
                if newSeen[digest] == nil { newSeen[digest] = distance }
                if let removed = oldSeen[digest] { found = (removed, distance) }
            }
            distance += 1
        }
        guard let (removed, inserted) = found else {
            pairs = min(oldLeft, newLeft, Self.nearby)
            return
        }
        pairs = min(removed, inserted)
        if removed > inserted { remove(removed - inserted) }
        if inserted > removed { insertions = inserted - removed }
    }

    private func areAlike(_ index: Int, _ other: Int) throws -> Bool {
        guard let old, let new else { return false }
        if equality.areCertainlyEqual(old[index], new[other]) { return true }
        return try old.digest(index, equality.pairs) == new.digest(other, equality.pairs)
    }

    // MARK: Bytes

    private static func plainBytes(_ form: LineForm, _ other: LineForm) -> Int? {
        guard form === other else { return nil }
        return switch form.content! {
        case .native(let native): native.size
        case .plain(let layout): layout.size
        default: nil
        }
    }

    /// Skips elements with equal bytes, many at once where they lie one after the other, as those
    /// of a deque do except at the end of its ring.
    private func skipEqualBytes() {
        guard let plainBytes, plainBytes > 0, let old, let new else { return }
        while left + 1 < leftEnd, right + 1 < rightEnd {
            let count = min(Self.block, leftEnd - left, rightEnd - right)
            let (start, other) = (old.list.elementPlace(left), new.list.elementPlace(right))
            let last = old.list.elementPlace(left + count - 1)
            guard last > start, new.list.elementPlace(right + count - 1) &- other == last - start
            else { return }
            let stride = Int(last - start) / (count - 1)
            let bytes = stride * (count - 1) + plainBytes
            let equal = equality.equalBytes(start, other, atMost: bytes)
            let skipped = equal == bytes ? count : equal / stride
            (left, right) = (left + skipped, right + skipped)
            if skipped < count { return }
        }
    }
}
