// swift-tools-version: 6.2

import CompilerPluginSupport
import PackageDescription

// Targets with `checksMemory` compile with strict memory safety: each use of an address is marked
// `unsafe`. Docs/Contributing.md says which do not, and why.
let checksMemory: [SwiftSetting] = [.strictMemorySafety()]

// The layers, bottom up; each target depends only on targets above it in this list.
// Debug builds compile the same code as release builds; only the optimiser differs, and the steps
// at which a test can let another thread go on (`Interleaving`).
//
// The products are what another package can use. Only word-index of the examples stands here; the
// others are a package of their own, in Examples.
let package = Package(
    name: "Holdfast",
    // The first systems with the Synchronization module. None of them has been tried, only Linux;
    // watchOS is left out for its devices with 32 bits.
    platforms: [.macOS(.v15), .iOS(.v18), .tvOS(.v18), .visionOS(.v2)],
    products: [
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .library(name: "HoldfastInspection", targets: ["HoldfastInspection"]),
        .library(name: "MemoryMapping", targets: ["MemoryMapping"]),
        .executable(name: "holdfast", targets: ["HoldfastCommand"]),
        .executable(name: "heap-repl", targets: ["heap-repl"]),
    ],
    targets: [
        // What Swift cannot express: CPU instructions, thread-local variables, futexes, stacks.
        .target(name: "CHoldfast"),

        // Safe file and anonymous mappings; knows nothing of heaps.
        .target(name: "MemoryMapping", swiftSettings: checksMemory),

        // All calls of the operating system: files, locks, processes, threads.
        .target(
            name: "HoldfastSystem",
            dependencies: [
                "CHoldfast",
                "MemoryMapping",
            ],
            swiftSettings: checksMemory),

        // The bytes of a heap's files, without input or output.
        .target(
            name: "HoldfastFormat",
            dependencies: ["CHoldfast"],
            swiftSettings: checksMemory),

        // The untyped heap: redo log, transactions, allocator.
        .target(
            name: "HoldfastEngine",
            dependencies: [
                "CHoldfast",
                "HoldfastFormat",
                "HoldfastSystem",
                "MemoryMapping",
            ]),

        // The history of a heap in a folder: segments of changes, bases, restored heaps.
        .target(
            name: "HoldfastArchive",
            dependencies: [
                "CHoldfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastSystem",
                "MemoryMapping",
            ],
            swiftSettings: checksMemory),

        // What the macros write, as a library: the tests cannot import the program below wherever
        // they are built.
        .target(name: "HoldfastMacroExpansion", swiftSettings: checksMemory),

        // The compiler's plug-in, which runs on the machine that builds a program.
        .macro(
            name: "HoldfastMacros",
            dependencies: ["HoldfastMacroExpansion"],
            swiftSettings: checksMemory),

        // What a program sees: PersistentHeap, transactions, values, collections, macros.
        .target(
            name: "Holdfast",
            dependencies: [
                "CHoldfast",
                "HoldfastArchive",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastMacros",
                "HoldfastSystem",
                "MemoryMapping",
            ]),

        // What looks at a heap from outside: check, repair, export and import, the use of its
        // pages, and values of types that the program does not have.
        .target(
            name: "HoldfastInspection",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastSystem",
            ],
            swiftSettings: checksMemory),

        // Shared by the command and the REPL: terminal output, figures, tables, maps, JSON.
        .target(
            name: "HoldfastTools",
            dependencies: [
                "Holdfast",
                "HoldfastInspection",
                "HoldfastSystem",
                "MemoryMapping",
            ],
            swiftSettings: checksMemory),

        // The command `holdfast`. Not the product's name, which differs from the library's only in
        // its case.
        .executableTarget(
            name: "HoldfastCommand",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "HoldfastTools",
                "MemoryMapping",
            ],
            swiftSettings: checksMemory),

        // The REPL `heap-repl`.
        .executableTarget(
            name: "heap-repl",
            dependencies: [
                "Holdfast",
                "HoldfastInspection",
                "HoldfastSystem",
                "HoldfastTools",
                "MemoryMapping",
            ],
            path: "Sources/HeapREPL",
            swiftSettings: checksMemory),

        // The example that the README's first command runs.
        .executableTarget(
            name: "word-index",
            dependencies: [
                "Holdfast",
                "MemoryMapping",
            ],
            path: "Examples/WordIndex"),

        // What tests share: a disk in memory whose power can be cut, processes, terminals, folders,
        // random numbers, and the promises of the standard library's collection protocols.
        .target(
            name: "TestSupport",
            dependencies: [
                "CHoldfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastSystem",
                "MemoryMapping",
            ],
            path: "Tests/Support/TestSupport"),

        // The processes that tests start, stop and kill, one subcommand for each kind.
        .executableTarget(
            name: "test-worker",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "HoldfastTools",
                "MemoryMapping",
                "TestSupport",
            ],
            path: "Tests/Support/TestWorker"),

        .testTarget(
            name: "MemoryMappingTests",
            dependencies: [
                "MemoryMapping",
                "TestSupport",
            ]),
        .testTarget(
            name: "HoldfastMacroTests",
            dependencies: [
                "HoldfastMacroExpansion",
                "TestSupport",
            ]),
        .testTarget(
            name: "HoldfastEngineTests",
            dependencies: [
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastSystem",
                "TestSupport",
            ]),
        .testTarget(
            name: "HoldfastArchiveTests",
            dependencies: [
                "HoldfastArchive",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastSystem",
                "MemoryMapping",
                "TestSupport",
            ]),
        .testTarget(
            name: "HoldfastTests",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "TestSupport",
                "test-worker",
                "word-index",
            ]),
        .testTarget(
            name: "HoldfastCommandTests",
            dependencies: [
                "Holdfast",
                "HoldfastCommand",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "HoldfastTools",
                "TestSupport",
            ]),
        .testTarget(
            name: "HeapREPLTests",
            dependencies: [
                "Holdfast",
                "HoldfastInspection",
                "HoldfastTools",
                "TestSupport",
                "heap-repl",
            ]),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "TestSupport",
                "test-worker",
            ]),
        .testTarget(
            name: "GoldenTests",
            dependencies: [
                "Holdfast",
                "HoldfastEngine",
                "HoldfastFormat",
                "HoldfastInspection",
                "HoldfastSystem",
                "TestSupport",
                "test-worker",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
