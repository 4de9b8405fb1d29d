import Foundation
import TestSupport
import Testing

/// Tests with real processes, one after the other: each of them alone keeps the machine busy.
@Suite(.progress, .serialized) enum ProcessTests {}

/// A number that the environment sets, to run a failure again.
func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
}
