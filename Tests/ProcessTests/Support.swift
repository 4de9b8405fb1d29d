import Foundation
import TestSupport
import Testing

/// Tests with real processes, run sequentially: each of them alone keeps the machine busy.
@Suite(.progress, .serialized) enum ProcessTests {}

/// A number from the environment, to repeat a failure.
func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
}
