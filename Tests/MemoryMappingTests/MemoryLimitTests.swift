import TestSupport
import Testing

@testable import MemoryMapping

/// Memory limits of control groups.
@Suite(.progress) struct MemoryLimitTests {
    /// The limit for a membership if the files have these contents.
    private func limit(_ membership: String, _ files: [String: String]) -> Int {
        MemoryLimit.ofControlGroups(membership, in: "/groups") {
            files[String($0.dropFirst("/groups/".count))] ?? ""
        }
    }

    @Test func theLeastOfAllGroupsCounts() {
        let files = [
            "memory.max": "max\n", "a/memory.max": "5000000\n", "a/b/memory.max": "7000000\n",
        ]
        #expect(limit("0::/a/b\n", files) == 5_000_000)
        #expect(limit("0::/\n", files) == .max)
        #expect(limit("0::/not/there\n", ["memory.max": "123456\n"]) == 123_456)
    }

    @Test func theFirstVersionOfControlGroups() {
        let files = [
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/x/memory.limit_in_bytes": "4096\n",
        ]
        #expect(limit("7:cpu,cpuacct:/x\n4:memory:/x\n", files) == 4096)
        #expect(limit("4:cpu:/x\n", files) == .max)
    }

    @Test func nothingToRead() {
        #expect(limit("", [:]) == .max)
        #expect(limit("a line that is none\n0::/\n", ["memory.max": "no number"]) == .max)
        #expect(MemoryLimit.bytes > 16 << 20)
    }
}
