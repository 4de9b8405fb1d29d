import Holdfast
import Testing

/// A copy of a collection that applies the batches of its changes, and demands that each of them is
/// exact: that an old value is the one that the copy has.
protocol CollectionMirror {
    associatedtype Key: Sendable
    associatedtype Change: Sendable

    mutating func forget(_ lost: LostRegion<Key>)
    /// Returns whether the change fits.
    mutating func apply(_ change: Change) -> Bool
}

extension CollectionMirror {
    typealias Batches = CollectionChanges<Key, Change>

    /// Applies batches up to the end of one difference.
    mutating func follow(_ batches: inout Batches.Iterator, limit: Int = .max) async throws
        -> MirrorFigures
    {
        var figures = MirrorFigures()
        while let batch = try await batches.next() {
            figures.batches += 1
            #expect(batch.changes.count <= limit)
            if let lost = batch.lost {
                if lost.isEverything { figures.everything += 1 } else { figures.regions += 1 }
                forget(lost)
            }
            for change in batch.changes {
                figures.changes += 1
                if !apply(change) { Issue.record("a change that does not fit: \(change)") }
            }
            if batch.isLast { return figures }
        }
        Issue.record("the sequence has ended")
        return figures
    }
}

/// What a mirror has seen.
struct MirrorFigures {
    var batches = 0
    var changes = 0
    var everything = 0
    var regions = 0

    static func += (left: inout MirrorFigures, right: MirrorFigures) {
        left.batches += right.batches
        left.changes += right.changes
        left.everything += right.everything
        left.regions += right.regions
    }
}

struct DictionaryMirror<Key: Hashable & Sendable, Value: Equatable & Sendable>: CollectionMirror {
    var content: [Key: Value] = [:]

    mutating func forget(_ lost: LostRegion<Key>) {
        content = content.filter { !lost.contains($0.key) }
    }

    mutating func apply(_ change: KeyedChange<Key, Value>) -> Bool {
        switch change {
        case .inserted(let key, let value):
            return content.updateValue(value, forKey: key) == nil
        case .updated(let key, let old, let new):
            return content.updateValue(new, forKey: key) == old && old != new
        case .removed(let key, let old): return content.removeValue(forKey: key) == old
        }
    }
}

struct SetMirror<Element: Hashable & Sendable>: CollectionMirror {
    var content: Set<Element> = []

    mutating func forget(_ lost: LostRegion<Element>) {
        content = content.filter { !lost.contains($0) }
    }

    mutating func apply(_ change: SetChange<Element>) -> Bool {
        switch change {
        case .inserted(let element): return content.insert(element).inserted
        case .removed(let element): return content.remove(element) != nil
        }
    }
}

struct ArrayMirror<Element: Equatable & Sendable>: CollectionMirror {
    var content: [Element] = []

    mutating func forget(_ lost: LostRegion<Int>) { if lost.isEverything { content = [] } }

    mutating func apply(_ change: IndexedChange<Element>) -> Bool {
        switch change {
        case .inserted(let index, let element):
            content.insert(element, at: index)
            return true
        case .updated(let index, let old, let new):
            defer { content[index] = new }
            return old.map { content[index] == $0 && $0 != new } ?? true
        case .removed(let index, let old):
            let removed = content.remove(at: index)
            return old.map { removed == $0 } ?? true
        }
    }
}
