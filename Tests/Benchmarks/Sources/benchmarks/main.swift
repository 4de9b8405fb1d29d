// Times Holdfast against what a program would use otherwise, side by side in one run.
//
//     swift run -c release --package-path Tests/Benchmarks benchmarks [--json] [--only PREFIX] [--rounds N]

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

if CommandLine.arguments.dropFirst().first == "--worker" {
    do { try runWorker(Array(CommandLine.arguments.dropFirst(2))) } catch { exitWithError("\(error)") }
    exit(0)
}

var json = false
var only = ""
var rounds = 5
var arguments = Array(CommandLine.arguments.dropFirst())[...]
while let argument = arguments.popFirst() {
    switch argument {
    case "--json": json = true
    case "--only":
        guard let prefix = arguments.popFirst() else { exitWithUsage() }
        only = prefix
    case "--rounds":
        guard let number = arguments.popFirst().flatMap({ Int($0) }), number > 0 else { exitWithUsage() }
        rounds = number
    default: exitWithUsage()
    }
}

do {
    let folder = try Folder()
    let measurements = try allMeasurements(in: folder).filter { $0.work.hasPrefix(only) }
    guard !measurements.isEmpty else { throw WrongResult(description: "no work's name begins with \(only)") }
    let outcomes = try measure(measurements, rounds: rounds)
    if json { printJSON(outcomes) } else { printTable(outcomes) }
} catch {
    exitWithError("\(error)")
}
