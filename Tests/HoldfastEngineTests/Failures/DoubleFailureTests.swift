import TestSupport
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@testable import HoldfastEngine

/// Two failures in a row, at every pair of calls to the disk: a process is killed, the power is cut
/// or a call fails; a survivor, a successor or both go on; then comes the second failure. What
/// opens after that is a commit no older than the last durable one, whole.
///
/// The normal run tries a part of the pairs, always the same: one in the `stride`;
/// `HOLDFAST_STRIDE=1` tries all.
@Suite(.progress) struct DoubleFailureTests {
    private static let stride: UInt64? = getenv("HOLDFAST_STRIDE").flatMap {
        UInt64(String(cString: $0))
    }

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenPowerCut(first: Failure, heir: Heir) throws {
        try explore(first, heir, .powerCut, stride: 100)
    }

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenKill(first: Failure, heir: Heir) throws {
        try explore(first, heir, .kill, stride: 100)
    }

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenFailedCall(first: Failure, heir: Heir) throws {
        try explore(first, heir, .failedCall, stride: 2500)
    }

    private func explore(_ first: Failure, _ heir: Heir, _ second: Failure, stride: UInt64) throws {
        // Nobody survives a power cut.
        if first == .powerCut, heir != .successor { return }
        var explorer = FailureExplorer(
            first: first, heir: heir, second: second, stride: Self.stride ?? stride)
        let start = ContinuousClock.now
        try explorer.explore()
        print(
            "\(first), \(heir), \(second): \(explorer.tried) states, \(ContinuousClock.now - start)"
        )
        #expect(explorer.found == [])
        #expect(explorer.tried > 20 || first == .failedCall && heir != .successor)
    }
}
