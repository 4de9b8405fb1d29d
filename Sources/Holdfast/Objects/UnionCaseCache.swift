import Synchronization

/// The case lists of generic unions, which cannot keep them in a stored property.
private let lists = Mutex<[ObjectIdentifier: any Sendable]>([:])

extension UnionCase {
    /// Returns the list that `make` makes, made once for each type. The macro ``Persistable()``
    /// uses it for generic enums.
    ///
    /// - Complexity: O(1) expected, with a lock.
    public static func list(_ make: () -> [UnionCase<Union>]) -> [UnionCase<Union>] {
        let identifier = ObjectIdentifier(Union.self)
        if let list = lists.withLock({ $0[identifier] }) as? [UnionCase<Union>] { return list }
        // Outside of the lock, since the payloads' types can be generic unions themselves.
        let list = make()
        lists.withLock { $0[identifier] = list }
        return list
    }
}
