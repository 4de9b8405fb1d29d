// A contestant in a process of its own: `--child FAMILY SYSTEM PREFIXES FOLDER PIPE`. Its figures
// come back through the pipe, a line each.

/// One round of `contestant`.
func lapsOfChild(_ contestant: Contestant, in family: Family, _ bench: Bench) throws -> [Lap] {
    let partner = try Partner(
        job: "--child",
        [
            family.name, contestant.system, bench.filter.prefixes.joined(separator: ","),
            bench.folder.path,
        ],
        environment: contestant.environment)
    let text = partner.readToEnd()
    guard partner.waitForEnd() == 0 else {
        throw WrongResult(description: "\(family.name) on \(contestant.system): its process failed")
    }
    return try text.split(separator: "\n").map { line in
        let words = line.split(separator: " ")
        guard words.count == 3, let value = Double(words[1]),
            let unit = Unit(rawValue: String(words[2]))
        else {
            throw WrongResult(description: "\(contestant.system) said '\(line)'")
        }
        return Lap(work: String(words[0]), value: value, unit: unit)
    }
}

func runChild(_ arguments: [String]) throws {
    guard arguments.count == 5, let pipe = Int32(arguments[4]),
        let family = allFamilies(long: true).first(where: { $0.name == arguments[0] })
    else { exitWithUsage() }
    let filter = Filter(prefixes: arguments[2].split(separator: ",").map(String.init))
    let bench = Bench(folder: Folder(existing: arguments[3]), filter: filter)
    guard let contestant = try family.contestants(bench).first(where: { $0.system == arguments[1] })
    else { exitWithUsage() }
    let recorder = Recorder(system: contestant.system, filter: filter)
    try contestant.run(recorder)
    for lap in recorder.laps {
        sendText("\(lap.work) \(lap.value) \(lap.unit.rawValue)\n", pipe)
    }
}
