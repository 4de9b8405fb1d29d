import Foundation
import Testing
import TestSupport

/// On platforms where Holdfast cannot work it fails to compile, instead of failing at run time.
@Suite(.progress) struct PlatformTests {
    @Test(arguments: [
        ("armv7-unknown-linux-gnueabihf", true), ("i686-unknown-linux-gnu", true),
        ("x86_64-unknown-linux-gnu", false),
        ("aarch64-unknown-linux-gnu", false),
    ])
    func addressesOf32BitsAreRefusedByTheCompiler(target: String, isRefused: Bool) throws {
        // Without the platform's own library, which is missing here: its errors do not matter.
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
