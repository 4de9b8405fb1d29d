// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that what is compared against never becomes a dependency of Holdfast.
// The peers are the system's own packages (`liblmdb-dev libsqlite3-dev libpmemobj-dev
// libmimalloc-dev libboost1.81-dev` on Debian). None is needed to build: the C libraries are looked
// for when the program runs, Boost, which is all headers, when it is compiled. What is not there is
// left out and named.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Holdfast", path: "../..")],
    targets: [
        // Declarations of the peers that are C libraries, and how they are found.
        .target(name: "CPeers"),
        // Boost.Interprocess behind functions that C knows.
        .target(name: "BoostPeer", cxxSettings: [.define("NDEBUG")]),
        .executableTarget(
            name: "benchmarks",
            dependencies: [.product(name: "Holdfast", package: "Holdfast"), "CPeers", "BoostPeer"]),
        // Cases that are large, by themselves.
        .executableTarget(
            name: "scale",
            dependencies: [
                .product(name: "Holdfast", package: "Holdfast"),
                .product(name: "HoldfastInspection", package: "Holdfast"),
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
