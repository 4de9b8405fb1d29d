import Holdfast
import HoldfastEngine

extension PersistentHeap {
    /// Throws `HeapError.damaged(path:what:)` if a change would rely on damaged data: the
    /// allocator's, or the catalogue of roots. A program traps there; a tool that changes any heap
    /// that it is given asks first.
    ///
    /// - Complexity: O(number of roots, runs and slabs).
    package func requireChangeable() throws {
        if let problem = try audit().problems.first {
            throw HeapError.damaged(path: path, what: problem)
        }
        try read { tx in
            if let problem = tx.access.verifiedCatalogue.problem {
                throw tx.access.catalogueError(problem)
            }
        }
    }
}
