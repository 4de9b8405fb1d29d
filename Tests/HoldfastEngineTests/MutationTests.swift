import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Bytes of the log's files and of the heap's header are damaged at random: the result of opening
/// is an error or exactly the state after some commit, never a crash, a hang, or a mixture.
@Suite(.progress) struct MutationTests {
    @Test func damagedLogsAndHeaders() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let workload = try Workload(options: Workload.smallOptions, disk: disk, seed: 31)
        for number in 0 ..< 40 {
            try workload.transaction(largest: 400)
            if number % 5 == 2 { try workload.makeDurable() }
            if number == 20 { try workload.checkpoint() }
        }
        let files = disk.currentFiles()
        var random = SplitMix(state: 77)
        var refused = 0
        var opened = 0
        let rounds = TestExtent.choose(quick: 400, full: 3000)
        for round in 0 ..< rounds {
            var damaged = files
            for _ in 0 ..< Int.random(in: 1 ... 3, using: &random) {
                damage(&damaged, workload.path, &random)
            }
            guard
                let problem = workload.problem(
                    withFiles: damaged, allowing: 0 ... workload.commits, scrubs: false)
            else {
                opened += 1
                continue
            }
            if problem.hasPrefix("it does not open") {
                refused += 1
            } else {
                Issue.record("round \(round): \(problem)")
            }
        }
        // Mostly the other copy of the header, or the other file of the log, still has the lost
        // data; both outcomes must occur.
        #expect(refused > rounds / 150, "\(refused) refused, \(opened) opened")
        #expect(opened > rounds / 3, "\(refused) refused, \(opened) opened")
    }

    private func damage(_ files: inout [String: [UInt8]], _ path: String, _ random: inout SplitMix)
    {
        let name = [path, path + LogLayout.durableSuffix, path + LogLayout.sharedSuffix]
            .randomElement(using: &random)!
        guard var bytes = files[name], !bytes.isEmpty else { return }
        // Of the heap file only the two header pages: the rest is not checked on opening.
        let limit = name == path ? min(bytes.count, 4096 + 512) : bytes.count
        // Mostly nonzero places: the front of the file and the ring's first half.
        let at = Int.random(in: 0 ..< limit, using: &random)
        switch Int.random(in: 0 ..< 6, using: &random) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0 ..< 8, using: &random)
        case 1:
            for index in at ..< min(at + 8, limit) {
                bytes[index] = UInt8.random(in: 0 ... 255, using: &random)
            }
        case 2:
            for index in at / 512 * 512 ..< min(at / 512 * 512 + 512, limit) { bytes[index] = 0 }
        case 3:
            // A number of the header or of a record becomes an extreme one.
            let place = at / 8 * 8
            for index in place ..< min(place + 8, limit) {
                bytes[index] = Bool.random(using: &random) ? 0xff : 0x7f
            }
        case 4 where name != path: bytes.removeLast(bytes.count - at)
        default:
            let other = Int.random(in: 0 ..< limit, using: &random) / 512 * 512
            for index in 0 ..< 512 where other + index < limit && at / 512 * 512 + index < limit {
                bytes[at / 512 * 512 + index] = bytes[other + index]
            }
        }
        files[name] = bytes
    }
}
