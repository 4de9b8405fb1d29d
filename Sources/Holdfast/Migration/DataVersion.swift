import HoldfastEngine

/// The version is an ordinary root with a name that no list of roots shows.
package enum DataVersion {
    private static var name: String { RootCatalogue.dataVersionName }

    package static func read(_ access: HeapAccess) throws(HeapError) -> Int {
        guard let offset = try access.findRoot(name, as: PersistentValue<Int>.self) else {
            return 0
        }
        return PersistentValue<Int>(access: access, offset: offset).value
    }

    package static func set(_ version: Int, _ access: HeapAccess) throws(HeapError) {
        if let offset = try access.findRoot(name, as: PersistentValue<Int>.self) {
            PersistentValue<Int>(access: access, offset: offset).value = version
        } else {
            try RootCatalogue(access).add(
                name, as: PersistentValue<Int>.self,
                at: PersistentValue<Int>.make(version, in: access).offset)
        }
    }
}
