import Testing
import TestSupport

@testable import HoldfastEngine

/// A killed process leaves everything as it was at that moment: no published commit may be missing,
/// durable or not.
@Suite(.progress) struct KillTests {
    @Test(arguments: [(5 as UInt64, false), (6, false), (7, true)])
    func everyCallIsSurvived(seed: UInt64, besideReaders: Bool) throws {
        var images: [(call: Int, files: [String: [UInt8]], published: Int)] = []
        var calls = 0
        let recording = try Recording(
            transactions: 120, seed: seed, besideReaders: besideReaders, usesSavepoints: seed == 6
        ) { disk, call, published in
            calls += 1
            guard TestExtent.includes(call, oneIn: 6) else { return }
            images.append((call, disk.currentFiles(), published))
        }
        #expect(calls > 200)
        for image in images {
            let problem = recording.workload.problem(
                withFiles: image.files, allowing: image.published ... image.published)
            #expect(problem == nil, "workload seed \(seed), killed before call \(image.call)")
        }
    }
}
