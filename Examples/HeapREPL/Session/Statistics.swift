import Holdfast

/// What `stats` shows.
enum Statistics {
    static func text(of heap: PersistentHeap) throws -> String { "\(heap.path)" }
}
