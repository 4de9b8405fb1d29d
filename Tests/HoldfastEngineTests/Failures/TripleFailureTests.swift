import TestSupport
import Testing

@testable import HoldfastEngine

/// Three failures in a row, each a kill, a power cut or a failed call, with a survivor, a successor
/// or both between them. The next opening finds a whole commit, no older than the last durable one.
///
/// Every run tries the same sequences; longer extents try more. A failure names its seed, and
/// `FailureSequence(seed:)` reproduces it exactly.
@Suite(.progress) struct TripleFailureTests {
    /// The sequences are divided among several tests, so that these can run concurrently.
    private static let shares: UInt64 = 4

    private static let sequencesPerShare: UInt64 = TestExtent.choose(
        quick: 6, full: 20, long: 5000)

    @Test(arguments: 0 ..< shares) func sequences(share: UInt64) throws {
        var checked = 0
        for index in 0 ..< Self.sequencesPerShare {
            var sequence = FailureSequence(seed: index * Self.shares + share)
            try sequence.run()
            checked += sequence.checked
            #expect(sequence.found == [])
        }
        print("three failures, share \(share): \(checked) states")
        #expect(checked > Int(Self.sequencesPerShare))
    }
}
