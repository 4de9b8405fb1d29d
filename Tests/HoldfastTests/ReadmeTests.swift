import Foundation
import Testing

/// The README's sample, built and run as it is written.
@Suite struct ReadmeTests {
    @Test func sampleCompilesAndRuns() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let start = try #require(readme.range(of: "```swift\n"))
        let end = try #require(readme.range(of: "\n```", range: start.upperBound ..< readme.endIndex))
        let sample = String(readme[start.upperBound ..< end.lowerBound])
        #expect(sample.split(separator: "\n").count <= 16)

        let folder = try TemporaryFolder()
        try folder.write(Data(sample.utf8), to: "main.swift")
        // Against the modules that this test was built with.
        let products = productsFolder
        let objects = ["CHoldfast", "MemoryMapping", "HoldfastEngine", "Holdfast"].flatMap { module in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: products.path + "/\(module).build")) ?? []
            return names.filter { $0.hasSuffix(".o") }.map { products.path + "/\(module).build/\($0)" }
        }
        try #require(objects.count > 4)
        var arguments = ["swiftc", "-swift-version", "6", "main.swift", "-o", "sample", "-I", products.path + "/Modules"]
        arguments += ["-Xcc", "-fmodule-map-file=\(products.path)/CHoldfast.build/module.modulemap"]
        arguments += ["-I", root.path + "/Sources/CHoldfast/include"]
        let compiled = try run(arguments + objects, in: folder.path)
        try #require(compiled.status == 0, "\(compiled.output)")
        for runs in 1 ... 2 {
            let ran = try run(["./sample"], in: folder.path)
            #expect(ran.status == 0)
            #expect(ran.output == "\(runs * 120) bolts\n")
        }
        #expect(folder.names.filter { $0.hasPrefix("inventory") } == ["inventory.heap"])
    }

    private func run(_ arguments: [String], in folder: String) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
