#if os(Linux)
    import Foundation
    import TestSupport
    import Testing

    extension ProcessTests {
        /// Heaps several times as large as the memory of their processes, which the system kills if
        /// they cannot give memory back.
        @Suite(
            .enabled(
                if: ControlGroup.isPossible,
                "skipped: no control group with a memory limit can be made; needs root"))
        struct LargerThanMemoryTests {
            private let folder: TemporaryFolder
            private let group: ControlGroup
            private let megabytes = 64
            /// Four times the memory.
            private var count: Int { 4 * (megabytes << 20) / 4000 }

            init() throws {
                folder = try TemporaryFolder()
                group = try ControlGroup(megabytes: megabytes)
            }

            private func start(_ steps: [String]) throws -> ChildProcess {
                try group.start(
                    ["large", folder.file("test.heap"), "\(count)"] + steps,
                    errors: folder.file("errors"))
            }

            private func expectSuccess(_ process: ChildProcess, _ steps: [String]) throws {
                for step in steps {
                    guard let line = process.readLine(within: .seconds(120)) else {
                        let errors = try? String(
                            contentsOfFile: folder.file("errors"), encoding: .utf8)
                        Issue.record("\(step): \(process.destroy()), \(errors ?? "")")
                        return
                    }
                    #expect(line == "done", "\(step)")
                }
                #expect(process.waitForEnd() == .exited(0))
            }

            @Test func isFilledReadUpdatedCopiedAndChecked() throws {
                let steps = ["fill", "read", "walk", "update", "overdo", "copy", "check"]
                try expectSuccess(start(steps), steps)
                #expect(folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            }

            /// Two processes share the limit, both of them writing.
            @Test func isSharedByTwoProcesses() throws {
                try expectSuccess(start(["fill"]), ["fill"])
                let other = try start(["update"])
                let steps = ["update", "walk"]
                try expectSuccess(start(steps), steps)
                try expectSuccess(other, ["update"])
                try expectSuccess(start(["check"]), ["check"])
                #expect(folder.names.filter { $0.hasPrefix("test.heap") } == ["test.heap"])
            }
        }
    }
#endif
