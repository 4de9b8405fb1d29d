import TestSupport
import Testing

@testable import HoldfastEngine

/// Three failures in a row, each a kill, a power cut or a failed call, with a survivor, a successor
/// or both between them: what opens is a commit no older than the last durable one, whole.
///
/// Every run tries the same sequences, the longer ones more of them. A failure names its seed, and
/// `FailureSequence(seed:)` runs it again exactly so.
@Suite(.progress) struct TripleFailureTests {
    /// The sequences are parted over several tests, so that these can run beside each other.
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
