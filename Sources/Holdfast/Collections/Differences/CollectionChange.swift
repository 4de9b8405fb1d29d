/// A difference between two states of a map or a sorted map.
public enum KeyedChange<Key, Value> {
    /// There is a new entry.
    case inserted(Key, Value)
    /// The entry for the key has another value.
    case updated(Key, old: Value, new: Value)
    /// The entry is gone.
    case removed(Key, old: Value)

    /// The key of the entry.
    public var key: Key {
        switch self {
        case .inserted(let key, _), .updated(let key, _, _), .removed(let key, _): key
        }
    }
}

/// A difference between two states of a set or a sorted set.
public enum SetChange<Element> {
    /// There is a new element.
    case inserted(Element)
    /// The element is gone.
    case removed(Element)

    /// The element.
    public var element: Element {
        switch self {
        case .inserted(let element), .removed(let element): element
        }
    }
}

/// A difference between two states of an array or a deque.
///
/// Differences are meant to be applied in their order: each index is that of the array as the
/// differences before have left it.
public enum IndexedChange<Element> {
    /// There is a new element before the one that had the index.
    case inserted(at: Int, Element)
    /// There is another element at the index. The old one is nil if it was not kept.
    case updated(at: Int, old: Element?, new: Element)
    /// The element at the index is gone. It is nil if it was not kept.
    case removed(at: Int, old: Element?)

    /// The index.
    public var index: Int {
        switch self {
        case .inserted(let index, _), .updated(let index, _, _), .removed(let index, _): index
        }
    }
}

extension KeyedChange: Sendable where Key: Sendable, Value: Sendable {}
extension KeyedChange: Equatable where Key: Equatable, Value: Equatable {}
extension SetChange: Sendable where Element: Sendable {}
extension SetChange: Equatable where Element: Equatable {}
extension IndexedChange: Sendable where Element: Sendable {}
extension IndexedChange: Equatable where Element: Equatable {}

/// The part of a collection whose former state is not known any more: what a consumer knows of it
/// may be wrong. See ``CollectionChanges``.
public struct LostRegion<Key: Sendable>: Sendable {
    /// Whether the region is the whole collection.
    public let isEverything: Bool
    private let hasKey: @Sendable (Key) -> Bool

    /// The whole collection. For an array, all of its indices.
    static var everything: LostRegion { LostRegion(isEverything: true) { _ in true } }

    /// A part of it.
    static func keys(where hasKey: @escaping @Sendable (Key) -> Bool) -> LostRegion {
        LostRegion(isEverything: false, hasKey: hasKey)
    }

    private init(isEverything: Bool, hasKey: @escaping @Sendable (Key) -> Bool) {
        self.isEverything = isEverything
        self.hasKey = hasKey
    }

    /// Whether `key` belongs to the region, whether there is an entry for it or not.
    ///
    /// - Complexity: O(log *r*), where *r* is the number of ranges that the region consists of.
    public func contains(_ key: Key) -> Bool { hasKey(key) }
}
