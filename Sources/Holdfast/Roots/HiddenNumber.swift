import HoldfastEngine

/// A number under one of Holdfast's own names: an ordinary root that no list of roots shows.
struct HiddenNumber {
    private let name: String
    private let access: HeapAccess

    init(_ name: String, in access: HeapAccess) {
        self.name = name
        self.access = access
    }

    private var root: PersistentValue<Int>? {
        get throws(HeapError) {
            try access.findRoot(name, as: PersistentValue<Int>.self).map {
                PersistentValue(access: access, offset: $0)
            }
        }
    }

    /// The number; nil if there is none.
    var value: Int? { get throws(HeapError) { try root?.value } }

    func set(_ value: Int) throws(HeapError) {
        if let root = try root { return root.value = value }
        try RootCatalogue(access).add(
            name, as: PersistentValue<Int>.self,
            at: PersistentValue<Int>.make(value, in: access).offset)
    }

    func remove() throws(HeapError) {
        guard let root = try root else { return }
        PersistentValue<Int>.destroy(RelativePointer(offset: root.offset), in: access)
        RootCatalogue(access).remove(name)
    }
}
