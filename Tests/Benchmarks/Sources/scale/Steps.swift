import Foundation
import Holdfast
import HoldfastInspection

let folder = "scale-\(getpid())"
/// The heap of a case that has one.
var path: String { "\(folder)/heap" }
var copyPath: String { "\(folder)/copy" }

/// A step of a case whose heap is at `path`.
@discardableResult
func step<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
    try Meter.shared.step(name, path, body)
}

func require(_ holds: Bool, line: Int = #line) {
    if !holds { fatalError("not so: line \(line)") }
}

func check(_ heap: PersistentHeap) throws {
    try step("check") { try require(heap.check().isSound) }
}

/// Keys that follow each other nowhere.
func scattered(_ number: Int) -> UInt64 { UInt64(number) &* 0x9e37_79b9_7f4a_7c15 }
