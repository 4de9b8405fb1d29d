#if os(Linux)
    import Foundation
    import TestSupport
    import Testing

    @testable import HoldfastEngine

    /// A growing heap asks the system for huge pages.
    @Suite(.progress) struct LargePageTests {
        @Test func memoryThatAHeapGrowsByMayHaveLargePages() throws {
            let engine = try HeapEngine(path: "large pages", mode: .inMemory)
            let block = try engine.change { $0.allocate(byteCount: 16 << 20) }
            let address = try engine.look { UInt(bitPattern: $0.address(block, 16 << 20)) }
            // In the middle of the block, which certainly contains a whole huge page.
            let flags = try #require(try flags(ofMappingAt: address + (8 << 20)))
            // Kernels without huge pages ignore the advice; `hg` is the flag of a mapping that has
            // taken it.
            guard FileManager.default.fileExists(atPath: "/sys/kernel/mm/transparent_hugepage")
            else { return }
            #expect(flags.contains("hg"), "the mapping's flags are \(flags)")
            try engine.close()
        }

        /// The `VmFlags` in `/proc/self/smaps` of the mapping that contains an address.
        private func flags(ofMappingAt address: UInt) throws -> [Substring]? {
            var isInside = false
            // To its end: the file reports a size of zero, and reading it whole stops early.
            let smaps = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
            for line in String(decoding: smaps.readDataToEndOfFile(), as: UTF8.self).split(
                separator: "\n")
            {
                let range = line.prefix { $0 != " " }.split(separator: "-")
                if range.count == 2, let start = UInt(range[0], radix: 16),
                    let end = UInt(range[1], radix: 16)
                {
                    isInside = start <= address && address < end
                } else if isInside, line.hasPrefix("VmFlags:") {
                    return line.split(separator: " ").dropFirst().map { $0 }
                }
            }
            return nil
        }
    }
#endif
