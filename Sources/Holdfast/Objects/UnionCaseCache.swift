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

/// What a walk needs to know of the cases of a union, found once for each type.
package struct UnionLayout: Sendable {
    package struct Case: Sendable {
        package let name: String
        package let payload: [UnionPayloadPart]
        /// The size of the payload's block in bytes, or 0 if there is none.
        let byteCount: Int
    }

    private static let known = Mutex<[ObjectIdentifier: [Case]]>([:])

    /// Returns the cases of `type`.
    package static func cases<Union: HeapUnion>(of type: Union.Type) -> [Case] {
        let identifier = ObjectIdentifier(type)
        if let cases = known.withLock({ $0[identifier] }) { return cases }
        let cases = type.cases.map {
            Case(name: $0.name, payload: $0.payload, byteCount: $0.byteCount)
        }
        known.withLock { $0[identifier] = cases }
        return cases
    }
}
