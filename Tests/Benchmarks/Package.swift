// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that what is compared against never becomes a dependency of Holdfast.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Holdfast", path: "../..")],
    targets: [
        .executableTarget(
            name: "benchmarks", dependencies: [.product(name: "Holdfast", package: "Holdfast")])
    ],
    swiftLanguageModes: [.v6]
)
