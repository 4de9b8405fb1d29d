// swift-tools-version: 6.2

import PackageDescription

// The examples, as a package of a user of Holdfast. They use only the public API of the library's
// products, and a program that depends on Holdfast neither sees nor builds them. The folder
// WordIndex belongs to the package above.
let package = Package(
    name: "Examples",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "Holdfast", path: "..")
    ],
    targets: [
        // Code that the examples share: arguments, output, errors on one line.
        .target(
            name: "ExampleSupport",
            dependencies: [
                .product(name: "Holdfast", package: "Holdfast"),
                .product(name: "MemoryMapping", package: "Holdfast"),
            ],
            path: "Support"),
        .example("task-list", path: "TaskList"),
        // What a program keeps and does with it, without a user interface, so that tests run it in
        // memory.
        .target(
            name: "TrackerModel",
            dependencies: [.product(name: "Holdfast", package: "Holdfast")],
            path: "Tracker/Model"),
        .example("tracker", path: "Tracker/Command", uses: "TrackerModel"),
        .example("csv-index", path: "CSVIndex"),
        .example("log-analyser", path: "LogAnalyser"),
        .example("shared-dictionary", path: "SharedDictionary"),
        .example("message-queue", path: "MessageQueue"),
        .example("object-graph", path: "ObjectGraph"),
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                .product(name: "Holdfast", package: "Holdfast"),
                .product(name: "HoldfastInspection", package: "Holdfast"),
                "task-list",
                "tracker",
                "TrackerModel",
                "csv-index",
                "log-analyser",
                "shared-dictionary",
                "message-queue",
                "object-graph",
            ],
            path: "Tests/ExampleTests"),
    ],
    swiftLanguageModes: [.v6]
)

extension Target {
    static func example(_ name: String, path: String, uses parts: Target.Dependency...) -> Target {
        .executableTarget(
            name: name,
            dependencies: [
                .product(name: "Holdfast", package: "Holdfast"),
                .product(name: "MemoryMapping", package: "Holdfast"),
                "ExampleSupport",
            ] + parts,
            path: path)
    }
}
