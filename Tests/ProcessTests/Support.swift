import Foundation
import Testing

/// Tests with real processes, one after the other: each of them alone keeps the machine busy.
@Suite(.serialized) enum ProcessTests {}

/// Whether the long forms are to be run: hours instead of a minute, figures for
/// `Docs/Guarantees.md`.
let isLongRun = ProcessInfo.processInfo.environment["HOLDFAST_LONG"] == "1"

/// A number that the environment sets, to run a failure again.
func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
}
