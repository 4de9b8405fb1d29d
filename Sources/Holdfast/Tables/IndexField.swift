/// The field of a table's record that is an index. Its name says what the index is.
package struct IndexField: Equatable {
    /// The name of the indexed property in the heap.
    package let property: String
    /// Whether two rows must not have the same value.
    package let isUnique: Bool

    private static let prefix = "by "
    private static let uniquePrefix = "unique by "

    package init(property: String, isUnique: Bool) {
        self.property = property
        self.isUnique = isUnique
    }

    /// Nil if a field of this name is no index.
    package init?(named name: String) {
        for (prefix, isUnique) in [(Self.prefix, false), (Self.uniquePrefix, true)]
        where name.hasPrefix(prefix) {
            self.init(property: String(name.dropFirst(prefix.count)), isUnique: isUnique)
            return
        }
        return nil
    }

    /// The name of the field.
    package var name: String { (isUnique ? Self.uniquePrefix : Self.prefix) + property }
}
