import Foundation
import TestSupport

/// Processes that execute commands with one heap in a folder of its own.
final class Workers {
    let folder: TemporaryFolder
    var path: String { folder.file("test.heap") }

    init() throws { folder = try TemporaryFolder() }

    /// A process that has not opened the heap yet.
    func start() throws -> ChildProcess {
        try ChildProcess(testWorker, ["serve"], errors: folder.file("errors"))
    }

    /// A process that has it open.
    func open(_ options: String = "", mode: String = "readWrite") throws -> ChildProcess {
        let process = try start()
        let answer = try process.ask("open \(path) \(mode) \(options)")
        guard answer == "ok" else { throw ChildProcess.Failure(description: answer) }
        return process
    }
}

extension ChildProcess {
    /// The numbers in the answer to a line.
    func figures(_ line: String) throws -> [Int] {
        let answer = try ask(line)
        let figures = answer.split(separator: " ").compactMap { Int($0) }
        guard !figures.isEmpty else { throw Failure(description: "\(line): \(answer)") }
        return figures
    }
}
