// The roots of a schema belong to one transaction, and to the thread that runs it.
import Holdfast

@HeapSchema struct Shop { var stock: PersistentMap<String, Int> }

func use(_ shop: TypedHeap<Shop>) async throws {
    // expected: type 'PersistentMap<String, Int>' does not conform to the 'Sendable' protocol
    _ = try await shop.read { $0.stock }
}
