import Foundation
import Testing
import TestSupport

/// The README's sample, built and run as written.
@Suite(.progress) struct ReadmeTests {
    @Test func sampleCompilesAndRuns() throws {
        let readme = try String(
            contentsOf: packageFolder.appendingPathComponent("README.md"), encoding: .utf8)
        let start = try #require(readme.range(of: "```swift\n"))
        let end = try #require(
            readme.range(of: "\n```", range: start.upperBound ..< readme.endIndex))
        let sample = String(readme[start.upperBound ..< end.lowerBound])
        #expect(sample.split(separator: "\n").count <= 16)

        let folder = try TemporaryFolder()
        try folder.write(Data(sample.utf8), to: "main.swift")
        let objects = CompilerRun.objects
        try #require(objects.count > 4)
        let arguments = ["swiftc", "main.swift", "-o", "sample"] + CompilerRun.moduleArguments
        let compiled = try CompilerRun.run(arguments + objects, in: folder.path)
        try #require(compiled.status == 0, "\(compiled.output)")
        for runs in 1 ... 2 {
            let ran = try CompilerRun.run(["./sample"], in: folder.path)
            #expect(ran.status == 0)
            #expect(ran.output == "\(runs * 120) bolts\n")
        }
        #expect(folder.names.filter { $0.hasPrefix("inventory") } == ["inventory.heap"])
    }

    @Test func everySampleCompiles() throws {
        let readme = try String(
            contentsOf: packageFolder.appendingPathComponent("README.md"), encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst(2).map {
            $0.components(separatedBy: "\n```")[0]
        }
        let samples = blocks.filter { $0.hasPrefix("import Holdfast\n") }
        #expect(samples.count == 1)
        for sample in samples {
            let folder = try TemporaryFolder()
            try folder.write(Data(sample.utf8), to: "main.swift")
            let arguments = ["swiftc", "-typecheck", "main.swift"] + CompilerRun.moduleArguments
            let compiled = try CompilerRun.run(arguments, in: folder.path)
            #expect(compiled.status == 0, "\(compiled.output)")
        }
    }
}
