import TestSupport
import Testing

@testable import HoldfastEngine

/// A transaction that has met a limit continues until its closure ends, however much it still
/// allocates.
@Suite(.progress) struct LostTransactionTests {
    /// Allocations that cannot be skipped take several times the addresses reserved for them. In a
    /// process of its own, which would trap.
    @Test func smallBlocksOutlastTheTail() async {
        await #expect(processExitsWith: .success) {
            let heap = TestHeap()
            let engine = try heap.open()
            let cell = try engine.change { access in
                let cell = access.allocate(byteCount: 64)
                access.store(5, at: cell)
                return cell
            }
            let before = engine.image.byteCount
            let error = #expect(throws: HeapError.self) {
                try engine.change { access in
                    access.store(6, at: cell)
                    access.refuseAsTooLarge()
                    for number in 0 ..< 3 * HeapImage.tailBytes / 4096 {
                        access.store(number, at: access.allocate(byteCount: 4096))
                    }
                }
            }
            guard case .tooLarge = error else { fatalError("thrown was \(error.debugDescription)") }
            #expect(engine.image.byteCount <= before + HeapImage.tailBytes)
            #expect(try engine.look { $0.load(cell, as: Int.self) } == 5)
            try engine.change { $0.store(7, at: cell) }
            #expect(try engine.audit().problems == [])
            try engine.close()
            let again = try heap.open(.readOnly)
            #expect(try again.look { $0.load(cell, as: Int.self) } == 7)
        }
    }
}
