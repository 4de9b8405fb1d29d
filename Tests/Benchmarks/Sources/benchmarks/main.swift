// Times Holdfast and its peers side by side in one run.
//
//     swift run -c release --package-path Tests/Benchmarks benchmarks [--only PREFIX,PREFIX] [--systems NAME,NAME] [--rounds N] [--long]
//                                                                     [--json | --markdown] [--svg FOLDER] [--list]

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

switch CommandLine.arguments.dropFirst().first {
case "--worker": do { try runWorker(Array(CommandLine.arguments.dropFirst(2))) } catch { exitWithError("\(error)") }
case "--hear": hear(Array(CommandLine.arguments.dropFirst(2)))
case "--read": do { try runReader(Array(CommandLine.arguments.dropFirst(2))) } catch { exitWithError("\(error)") }
case "--die": do { try writeAndDie(Array(CommandLine.arguments.dropFirst(2))) } catch { exitWithError("\(error)") }
case "--child": do { try runChild(Array(CommandLine.arguments.dropFirst(2))) } catch { exitWithError("\(error)") }
default: do { try run(Options(CommandLine.arguments.dropFirst())) } catch { exitWithError("\(error)") }
}

/// What the command line asks for.
struct Options {
    enum Form { case table, json, markdown }

    var filter = Filter()
    var form = Form.table
    var charts: String?
    var rounds = 5
    var long = false
    var list = false

    init(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        func value() -> String {
            guard let value = arguments.popFirst() else { exitWithUsage() }
            return value
        }
        while let argument = arguments.popFirst() {
            switch argument {
            case "--json": form = .json
            case "--markdown": form = .markdown
            case "--svg": charts = value()
            case "--only": filter.prefixes = value().split(separator: ",").map(String.init)
            case "--systems": filter.systems = Set(value().split(separator: ",").map(String.init))
            case "--long": long = true
            case "--list": list = true
            case "--rounds":
                guard let number = Int(value()), number > 0 else { exitWithUsage() }
                rounds = number
            default: exitWithUsage()
            }
        }
    }
}

func run(_ options: Options) throws {
    let families = allFamilies(long: options.long)
    let works = families.flatMap { $0.works }.filter { options.filter.wants($0) }
    guard !works.isEmpty else {
        throw WrongResult(
            description: "no work's name begins with \(options.filter.prefixes.joined(separator: " or ")); --list names them")
    }
    if options.list { return works.forEach { print($0) } }
    for missing in missingPeers { Terminal.note("left out: \(missing)") }
    let bench = Bench(folder: try Folder(), filter: options.filter)
    let outcomes = try measure(families, in: bench, rounds: options.rounds) { if options.form == .json { printJSON($0) } }
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
