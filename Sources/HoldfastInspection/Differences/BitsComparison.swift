import Holdfast
import HoldfastEngine

/// The comparison of two bit sets: a merge of their members. A member has no place, so that its
/// number stands for it.
final class BitsComparison: PartComparison {
    private let member = LineForm.only(.member)

    private var old: PersistentBitSet.Iterator?
    private var new: PersistentBitSet.Iterator?
    private var oldNext: Int?
    private var newNext: Int?

    /// Nil for one of them if only the other one is to be followed.
    init(_ old: PersistentBitSet?, _ new: PersistentBitSet?) {
        (self.old, self.new) = (old?.makeIterator(), new?.makeIterator())
        (oldNext, newNext) = (self.old?.next(), self.new?.next())
    }

    func next() -> ComparedPart? {
        while let left = oldNext, left == newNext {
            (oldNext, newNext) = (old?.next(), new?.next())
        }
        let isOld: Bool
        switch (oldNext, newNext) {
        case (nil, nil): return nil
        case (let left?, let right?): isOld = left < right
        case (let left, nil): isOld = left != nil
        case (nil, _): isOld = false
        }
        guard let number = isOld ? oldNext : newNext else { return nil }
        if isOld { oldNext = old?.next() } else { newNext = new?.next() }
        let value = ComparedValue(member, UInt64(number))
        return ComparedPart(
            .key(value, isOld ? .old : .new), isOld ? value : nil, isOld ? nil : value,
            isMember: true)
    }
}
