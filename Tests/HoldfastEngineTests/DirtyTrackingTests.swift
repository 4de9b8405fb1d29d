import Testing
import TestSupport

@testable import HoldfastEngine

@Suite(.progress) struct DirtyTrackingTests {
    @Test func missedNoteIsFoundAndNamed() throws {
        var options = Workload.smallOptions
        options.verifiesDirtyTracking = true
        let engine = try HeapEngine(
            path: "/sim/notes.heap", mode: .readWrite, options: options, disk: SimulatedDisk())
        let setup = try engine.beginWrite()
        let block = Workload.access(setup).allocate(byteCount: 256)
        Workload.access(setup).markDirty(block, 256)
        try engine.commit(setup)

        let context = try engine.beginWrite()
        Workload.access(context).store(UInt64(1), at: block)
        Workload.access(context).address(block + 128, 8).storeBytes(of: 2, as: UInt64.self)
        #expect(throws: HeapError.missedNote(path: "/sim/notes.heap", line: (block + 128) / 64)) {
            try engine.commit(context)
        }
    }

    /// The whole workload under the verifier: no operation of the allocator writes to an unmarked
    /// line.
    @Test(arguments: [false, true])
    func theEngineNotesEverything(usesSavepoints: Bool) throws {
        var options = Workload.smallOptions
        options.verifiesDirtyTracking = true
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let workload = try Workload(
            options: options, disk: disk, seed: 9, usesSavepoints: usesSavepoints)
        for number in 0 ..< 60 {
            try workload.transaction(largest: 2000)
            if number % 20 == 19 { try workload.checkpoint() }
        }
        #expect(
            try workload.problem(
                with: workload.engine, allowing: workload.commits ... workload.commits) == nil)
    }
}
