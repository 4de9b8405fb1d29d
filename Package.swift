// swift-tools-version: 6.2

import PackageDescription

// The layers, bottom up; each target depends only on targets above it in this list.
// Debug builds compile the same code as release builds; only the optimiser differs.
let package = Package(
    name: "Holdfast",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Holdfast", targets: ["Holdfast"]),
        .library(name: "MemoryMapping", targets: ["MemoryMapping"]),
        .executable(name: "holdfast", targets: ["HoldfastCommand"]),
        .executable(name: "word-index", targets: ["word-index"]),
        .executable(name: "object-graph", targets: ["object-graph"]),
        .executable(name: "heap-repl", targets: ["heap-repl"]),
        .executable(name: "task-list", targets: ["task-list"]),
        .executable(name: "csv-index", targets: ["csv-index"]),
        .executable(name: "log-analyser", targets: ["log-analyser"]),
        .executable(name: "shared-dictionary", targets: ["shared-dictionary"]),
        .executable(name: "message-queue", targets: ["message-queue"]),
    ],
    targets: [
        // What Swift cannot express: CPU instructions, thread-local variables, futexes, stacks.
        .target(name: "CHoldfast"),

        // Safe file and anonymous mappings; knows nothing of heaps.
        .target(name: "MemoryMapping"),

        // Everything that calls the operating system: files, locks, processes, threads.
        .target(name: "HoldfastSystem", dependencies: ["CHoldfast", "MemoryMapping"]),

        // The bytes of a heap's files, without input or output.
        .target(name: "HoldfastFormat", dependencies: ["CHoldfast"]),

        // The untyped heap: redo log, transactions, allocator.
        .target(
            name: "HoldfastEngine",
            dependencies: ["CHoldfast", "HoldfastFormat", "HoldfastSystem", "MemoryMapping"]),

        // The public library: PersistentHeap, transactions, values, collections.
        .target(
            name: "Holdfast",
            dependencies: [
                "CHoldfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "MemoryMapping",
            ]),

        // What the command and the examples share: terminal output, figures in words, tables, JSON
        // text.
        .target(
            name: "HoldfastTools", dependencies: ["Holdfast", "HoldfastSystem", "MemoryMapping"]),

        // The command `holdfast`. Not the product's name, which differs from the library's only in
        // its case.
        .executableTarget(
            name: "HoldfastCommand",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "HoldfastTools",
                "MemoryMapping",
            ],
            path: "Sources/HoldfastCommand"),

        .executableTarget(
            name: "word-index", dependencies: ["Holdfast"], path: "Examples/WordIndex"),
        .executableTarget(
            name: "object-graph", dependencies: ["Holdfast"], path: "Examples/ObjectGraph"),
        .executableTarget(
            name: "heap-repl", dependencies: ["Holdfast", "HoldfastTools", "MemoryMapping"],
            path: "Examples/HeapREPL"),

        // What the examples share: arguments, output, errors in one line.
        .target(
            name: "ExampleSupport", dependencies: ["Holdfast", "MemoryMapping"],
            path: "Examples/Support"),
        .executableTarget(
            name: "task-list", dependencies: ["Holdfast", "ExampleSupport"],
            path: "Examples/TaskList"),
        .executableTarget(
            name: "csv-index", dependencies: ["Holdfast", "MemoryMapping", "ExampleSupport"],
            path: "Examples/CSVIndex"),
        .executableTarget(
            name: "log-analyser", dependencies: ["Holdfast", "MemoryMapping", "ExampleSupport"],
            path: "Examples/LogAnalyser"),
        .executableTarget(
            name: "shared-dictionary",
            dependencies: ["Holdfast", "MemoryMapping", "ExampleSupport"],
            path: "Examples/SharedDictionary"),
        .executableTarget(
            name: "message-queue", dependencies: ["Holdfast", "ExampleSupport"],
            path: "Examples/MessageQueue"),

        // A disk in memory whose power can be cut; used by tests only.
        .target(
            name: "SimulatedDisk",
            dependencies: [
                "CHoldfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "MemoryMapping",
            ],
            path: "Tests/Support/SimulatedDisk"),

        // Processes that tests start, stop and kill, and the heap that they share; used by tests
        // only.
        .target(
            name: "TestProcesses",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk",
            ],
            path: "Tests/Support/TestProcesses"),
        .executableTarget(
            name: "heap-worker",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "MemoryMapping",
                "SimulatedDisk",
                "TestProcesses",
            ],
            path: "Tests/Support/HeapWorker"),

        // Programs on terminals of their own; used by tests only.
        .target(name: "Terminals", path: "Tests/Support/Terminals"),

        // A process that sends or receives messages through a heap, and can be killed; used by
        // tests only.
        .executableTarget(
            name: "message-worker",
            dependencies: ["Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem"],
            path: "Tests/Support/MessageWorker"),

        // Damages heap files and looks at what comes of it, each in a process that may die.
        .executableTarget(
            name: "damage-lab",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk",
            ],
            path: "Tests/Support/DamageLab"),

        // Heaps of known contents, and the program that makes the files of Tests/Golden of them.
        .target(name: "GoldenHeaps", dependencies: ["Holdfast"], path: "Tests/Support/GoldenHeaps"),
        .executableTarget(
            name: "golden-maker",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk",
                "GoldenHeaps",
            ],
            path: "Tests/Support/GoldenMaker"),

        // Draws heaps of several kinds, to be looked at.
        .executableTarget(
            name: "map-gallery",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "HoldfastTools",
            ],
            path: "Tests/Support/MapGallery"),

        // What the standard library's protocols promise, as checks for any collection; used by
        // tests only.
        .target(name: "CollectionLaws", path: "Tests/Support/CollectionLaws"),

        .testTarget(name: "MemoryMappingTests", dependencies: ["MemoryMapping"]),
        .testTarget(
            name: "HoldfastEngineTests",
            dependencies: ["HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk"]),
        .testTarget(
            name: "HoldfastTests",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk",
                "CollectionLaws",
                "word-index",
                "object-graph", "message-worker",
                "damage-lab",
            ]),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "Holdfast", "TestProcesses", "task-list", "csv-index", "log-analyser",
                "shared-dictionary", "message-queue",
            ]),
        .testTarget(
            name: "HoldfastCommandTests",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "HoldfastTools",
                "HoldfastCommand",
                "TestProcesses",
                "Terminals", "heap-worker",
            ]),
        .testTarget(
            name: "ProcessTests",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "SimulatedDisk",
                "TestProcesses",
                "heap-worker",
            ]),
        .testTarget(
            name: "HeapREPLTests",
            dependencies: ["Holdfast", "HoldfastTools", "TestProcesses", "Terminals", "heap-repl"]),
        .testTarget(
            name: "GoldenTests",
            dependencies: [
                "Holdfast", "HoldfastEngine", "HoldfastFormat", "HoldfastSystem", "GoldenHeaps",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
