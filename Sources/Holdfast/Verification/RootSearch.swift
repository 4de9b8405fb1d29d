import HoldfastEngine

/// Finds, for the message of a trap, which root leads to a place in the heap.
enum RootSearch {
    /// The engine's traps ask this from here on. Done once, by the first opening of a heap.
    static let isInstalled: Void = PlaceFinder.shared.use { find($1, $0) }

    private static func find(_ place: UInt64, _ access: HeapAccess) -> PlaceFinder.Found? {
        if access.isOpen { return search(place, access) }
        guard let heap = access.originPath else { return nil }
        if access.hasHintsOfOrigin, let hint = RootHints(access).root(at: place) {
            return PlaceFinder.Found(
                path: "root \(String(reflecting: hint.name))", type: Handle.name(of: hint.type))
        }
        // What is at the place now is nearly always what was there then.
        return HeapAccess.innermost(inHeapAt: heap).flatMap { search(place, $0) }
    }

    /// Follows the roots until one leads to the block that contains the place.
    private static func search(_ place: UInt64, _ access: HeapAccess) -> PlaceFinder.Found? {
        var walk = Verification(access)
        walk.mayGoOn = { $0 < mostBytes }
        walk.sought = place
        walk.followRoots()
        guard let path = walk.soughtPath else { return nil }
        return PlaceFinder.Found(path: path, type: walk.soughtType.map { Handle.name(of: $0) })
    }

    /// Data that is looked through for the message, so that the trap does not take minutes.
    private static let mostBytes = 1 << 30
}
