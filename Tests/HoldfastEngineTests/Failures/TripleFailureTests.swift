import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@testable import HoldfastEngine

/// Three failures in a row, each a kill, a power cut or a failed call, with a survivor, a successor
/// or both between them: what opens is a commit no older than the last durable one, whole.
///
/// The normal run tries a few sequences, always the same; `HOLDFAST_LONG=1` tries many, and
/// `HOLDFAST_SEQUENCES=n` tries n of each share. A failure names its seed, and
/// `FailureSequence(seed:)` runs it again exactly so.
@Suite struct TripleFailureTests {
    /// The sequences are parted over several tests, so that these can run beside each other.
    private static let shares: UInt64 = 4

    private static var sequencesPerShare: UInt64 {
        if let number = getenv("HOLDFAST_SEQUENCES").flatMap({ UInt64(String(cString: $0)) }) {
            return number
        }
        return getenv("HOLDFAST_LONG") == nil ? 40 : 2000
    }

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
