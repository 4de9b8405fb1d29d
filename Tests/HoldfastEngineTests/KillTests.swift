import Testing
import TestSupport

@testable import HoldfastEngine

/// A killed process leaves everything as it was at that moment: no published commit may be missing,
/// durable or not.
@Suite(.progress) struct KillTests {
    @Test(arguments: [(5 as UInt64, false), (6, false), (7, true)])
    func everyCallIsSurvived(seed: UInt64, besideReaders: Bool) throws {
        var images: [(files: [String: [UInt8]], published: Int)] = []
        let recording = try Recording(
            transactions: 120, seed: seed, besideReaders: besideReaders, usesSavepoints: seed == 6
        ) { disk, _, published in
            images.append((disk.currentFiles(), published))
        }
        #expect(images.count > 200)
        for (call, image) in images.enumerated() where TestExtent.includes(call, oneIn: 6) {
            let problem = recording.workload.problem(
                withFiles: image.files, allowing: image.published ... image.published)
            #expect(problem == nil, "workload seed \(seed), killed before call \(call)")
        }
    }
}
