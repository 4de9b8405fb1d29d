import Foundation
import Testing
import TestSupport

/// Where Holdfast cannot work it does not build, instead of meeting its limits later.
@Suite(.progress) struct PlatformTests {
    @Test(arguments: [
        ("armv7-unknown-linux-gnueabihf", true), ("i686-unknown-linux-gnu", true),
        ("x86_64-unknown-linux-gnu", false),
        ("aarch64-unknown-linux-gnu", false),
    ])
    func addressesOf32BitsAreRefusedByTheCompiler(target: String, isRefused: Bool) throws {
        // Without the platform's own library, which is not there: there are other errors then, and
        // they do not matter here.
        let checked = try CompilerRun.run(
            [
                "swiftc", "-frontend", "-typecheck", "-parse-stdlib", "-target", target,
                packageFolder.path + "/Sources/HoldfastFormat/Layout/HeapLayout.swift",
            ], in: packageFolder.path)
        #expect(checked.status != 0)
        #expect(
            checked.output.contains("error: Holdfast needs 64-bit addresses.") == isRefused,
            "\(checked.output)")
    }
}
