import TestSupport
import Testing

@testable import HoldfastEngine

/// Two failures in a row, at every pair of calls to the disk. A process is killed, the power is cut
/// or a call fails; a survivor, a successor or both continue; then comes the second failure. The
/// next opening finds a whole commit, no older than the last durable one.
///
/// The quick and the full run try one pair in a stride, always the same; the long run tries all.
@Suite(.progress) struct DoubleFailureTests {
    private static let stride: UInt64 = TestExtent.choose(quick: 2000, full: 100, long: 1)

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenPowerCut(first: Failure, heir: Heir) throws {
        try explore(first, heir, .powerCut, stride: Self.stride)
    }

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenKill(first: Failure, heir: Heir) throws {
        try explore(first, heir, .kill, stride: Self.stride)
    }

    @Test(arguments: Failure.allCases, Heir.allCases)
    func thenFailedCall(first: Failure, heir: Heir) throws {
        try explore(
            first, heir, .failedCall,
            stride: Self.stride == 1 ? 1 : Self.stride * TestExtent.choose(quick: 4, full: 25))
    }

    private func explore(_ first: Failure, _ heir: Heir, _ second: Failure, stride: UInt64) throws {
        // No process survives a power cut.
        if first == .powerCut, heir != .successor { return }
        var explorer = FailureExplorer(
            first: first, heir: heir, second: second, stride: stride)
        let start = ContinuousClock.now
        try explorer.explore()
        print(
            "\(first), \(heir), \(second): \(explorer.tried) states, \(ContinuousClock.now - start)"
        )
        #expect(explorer.found == [])
        let isRare = second == .failedCall || first == .failedCall && heir != .successor
        #expect(explorer.tried > TestExtent.choose(quick: 2, full: 20) || isRare)
    }
}
