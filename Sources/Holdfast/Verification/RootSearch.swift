import HoldfastEngine
import Synchronization

/// Finds, for the message of a trap, which root leads to a place in the heap.
enum RootSearch {
    /// An engine, as long as objects that own it have added it more often than removed it.
    ///
    /// Not a weak reference: it would give the engine a side table, and every transaction's retain
    /// and release of it would go through that.
    private struct Opening: @unchecked Sendable {
        let engine: Unmanaged<HeapEngine>
        var owners = 0
    }

    private static let openings = Mutex<[ObjectIdentifier: Opening]>([:])

    /// From here on, traps find the roots of this opening. The caller owns the engine, and removes
    /// it before it gives it up.
    static func add(_ engine: HeapEngine) {
        openings.withLock { openings in
            if openings.isEmpty { PlaceFinder.shared.use { find($1, $0) } }
            openings[
                ObjectIdentifier(engine), default: Opening(engine: .passUnretained(engine))
            ].owners += 1
        }
    }

    static func remove(_ engine: HeapEngine) {
        openings.withLock { openings in
            let key = ObjectIdentifier(engine)
            openings[key]?.owners -= 1
            if openings[key]?.owners == 0 { openings[key] = nil }
        }
    }

    private static func find(_ place: UInt64, _ access: HeapAccess) -> PlaceFinder.Found? {
        if access.isOpen { return search(place, access) }
        guard let heap = access.originPath else { return nil }
        if access.hasHintsOfOrigin, let hint = RootHints(access).root(at: place) {
            return PlaceFinder.Found(
                path: "root \(String(reflecting: hint.name))", type: Handle.name(of: hint.type))
        }
        // What is at the place now is nearly always what was there then.
        return (HeapAccess.innermost(inHeapAt: heap) ?? beginRead(heap)).flatMap {
            search(place, $0)
        }
    }

    /// A read transaction, if it can begin without waiting. The trap ends it.
    private static func beginRead(_ heap: String) -> HeapAccess? {
        guard !HeapAccess.isInTransaction else { return nil }
        let engines = openings.withLock { $0.values.map { $0.engine.takeUnretainedValue() } }
        for engine in engines where engine.path == heap {
            guard let context = try? engine.tryToBeginRead() else { continue }
            return HeapAccess(context: context, epoch: context.pointee.epoch)
        }
        return nil
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
