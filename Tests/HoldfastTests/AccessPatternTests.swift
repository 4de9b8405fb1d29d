import TestSupport

#if os(Linux)
    import Foundation
    import Testing

    @testable import Holdfast

    /// The advice that the system gets about the reading of a heap.
    @Suite(.progress) struct AccessPatternTests {
        /// The kernel's flags of the mapping that begins with the first byte of the file at `path`.
        private func flags(of path: String) throws -> Set<Substring> {
            // To its end: the file reports a size of zero, and reading it whole stops early.
            let smaps = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
            let text = String(decoding: smaps.readDataToEndOfFile(), as: UTF8.self)
            var isIts = false
            for line in text.split(separator: "\n") {
                if line.hasSuffix(path) {
                    isIts =
                        line.split(separator: " ", omittingEmptySubsequences: true)[2] == "00000000"
                }
                if isIts, line.hasPrefix("VmFlags:") {
                    return Set(line.split(separator: " ").dropFirst())
                }
            }
            return []
        }

        @Test(arguments: [OpenMode.readWrite, .readOnly, .privateCopy], AccessPattern.allCases)
        func theFilesMappingHasTheAdvice(mode: OpenMode, pattern: AccessPattern) throws {
            let folder = try TemporaryFolder()
            let path =
                try #require(realpath(folder.path, nil).map { String(cString: $0) }) + "/test.heap"
            try PersistentHeap.build(path) {
                try $0.bytes("b").append(contentsOf: Data(repeating: 1, count: 3_000_000))
            }
            var options = PersistentHeap.Options()
            options.accessPattern = pattern
            let heap = try PersistentHeap.open(path, mode: mode, options: options)
            for round in 0 ..< 3 {
                // A reader registers with its second read, which maps the file anew.
                #expect(try heap.read { try $0.bytes("b").count } == 3_000_000)
                let flags = try flags(of: path)
                try #require(!flags.isEmpty)
                #expect(flags.contains("rr") == (pattern == .random), "round \(round)")
                #expect(flags.contains("sr") == (pattern == .sequential), "round \(round)")
            }
            if mode == .readWrite {
                try heap.write {
                    try $0.bytes("b").append(contentsOf: Data(repeating: 1, count: 3_000_000))
                }
                try heap.checkpoint()
                #expect(try flags(of: path).contains("rr") == (pattern == .random))
            }
            try heap.close()
        }
    }
#endif
