import Foundation
import TestSupport

/// The toolchain's compiler, run on single files against the modules that this test was built with.
enum CompilerRun {
    /// The compiler arguments for finding Holdfast's modules and the plug-in of its macros.
    static var moduleArguments: [String] {
        [
            "-swift-version", "6", "-I", productsFolder.path + "/Modules",
            "-Xcc", "-fmodule-map-file=\(productsFolder.path)/CHoldfast.build/module.modulemap",
            "-I", packageFolder.path + "/Sources/CHoldfast/include", "-load-plugin-executable",
            productsFolder.path + "/HoldfastMacros-tool#HoldfastMacros",
        ]
    }

    /// The objects that a program using Holdfast is linked with: the modules that this test was
    /// built with.
    static var objects: [String] {
        let modules = [
            "CHoldfast", "MemoryMapping", "HoldfastSystem", "HoldfastFormat", "HoldfastEngine",
            "HoldfastArchive",
            "Holdfast", "HoldfastInspection",
        ]
        return modules.flatMap { module in
            let folder = productsFolder.path + "/\(module).build"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            // Builds keep the objects of sources that no longer exist.
            let sources = FileManager.default.enumerator(
                atPath: packageFolder.path + "/Sources/" + module)
            let current = Set(
                (sources?.compactMap { $0 as? String } ?? []).map {
                    URL(filePath: $0).lastPathComponent + ".o"
                })
            return names.filter(current.contains).map { folder + "/" + $0 }
        }
    }

    /// Runs a program from the search path, and waits for its end.
    static func run(_ arguments: [String], in folder: String) throws -> (
        status: Int32, output: String
    ) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(
            decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
