// Times Holdfast and its peers side by side in one run.
//
//     swift run -c release --package-path Tests/Benchmarks benchmarks
//         [--only PREFIX,PREFIX] [--systems NAME,NAME] [--rounds N] [--long]
//         [--json | --markdown] [--svg FOLDER] [--list]

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

let arguments = CommandLine.arguments.dropFirst()
do {
    // All but the last are what this program starts itself as.
    switch arguments.first {
    case "--worker": try runWorker(Array(arguments.dropFirst()))
    case "--hear": hear(Array(arguments.dropFirst()))
    case "--read": try runReader(Array(arguments.dropFirst()))
    case "--die": try writeAndDie(Array(arguments.dropFirst()))
    case "--large": try runLarge(Array(arguments.dropFirst()))
    case "--child": try runChild(Array(arguments.dropFirst()))
    default: try run(Options(arguments))
    }
} catch {
    exitWithError("\(error)")
}

func run(_ options: Options) throws {
    let families = allFamilies(long: options.long)
    let works = families.flatMap { $0.works }.filter { options.filter.wants($0) }
    guard !works.isEmpty else {
        throw WrongResult(
            description:
                "no work's name begins with \(options.filter.prefixes.joined(separator: " or ")); --list names them"
        )
    }
    if options.list { return works.forEach { print($0) } }
    for missing in missingPeers { Terminal.note("left out: \(missing)") }
    if options.long, !MemoryGroup.isPossible {
        Terminal.note("left out: files larger than memory, which need root and control groups")
    }
    let bench = Bench(folder: try Folder(), filter: options.filter)
    let outcomes = try measure(families, in: bench, rounds: options.rounds) {
        if options.form == .json { printJSON($0) }
    }
    switch options.form {
    case .table: printTable(outcomes)
    // Printed as they came.
    case .json: break
    case .markdown: printMarkdown(outcomes)
    }
    if let folder = options.charts {
        for path in try Chart.write(outcomes, to: folder) { Terminal.note("wrote \(path)") }
    }
}
