/// The figures of one system at one work, one of each round.
struct Outcome {
    let work: String
    let system: String
    let unit: Unit
    var values: [Double]

    var minimum: Double { values.min()! }
    var median: Double { values.sorted()[values.count / 2] }
}

/// Runs the families one after the other; in each, rounds, in which every system has its turn, so
/// that a change of the machine's speed meets them all alike. `finished` is called with the
/// outcomes of each family when it is done.
func measure(
    _ families: [Family], in bench: Bench, rounds: Int, finished: (ArraySlice<Outcome>) -> Void
) throws -> [Outcome] {
    var outcomes: [Outcome] = []
    for family in families where family.works.contains(where: { bench.filter.wants($0) }) {
        let contestants = try family.contestants(bench).filter {
            bench.filter.wants(system: $0.system)
        }
        let first = outcomes.count
        for round in 0 ..< rounds {
            for contestant in contestants {
                Terminal.progress(
                    "\(family.name), round \(round + 1) of \(rounds), \(contestant.system)")
                for lap in try laps(of: contestant, in: family, bench) {
                    guard family.works.contains(lap.work) else {
                        throw WrongResult(
                            description:
                                "\(lap.work) is not among the works of the family \(family.name)")
                    }
                    let known = outcomes[first...].firstIndex {
                        $0.work == lap.work && $0.system == contestant.system
                    }
                    if let known {
                        outcomes[known].values.append(lap.value)
                    } else {
                        outcomes.append(
                            Outcome(
                                work: lap.work, system: contestant.system, unit: lap.unit,
                                values: [lap.value]))
                    }
                }
            }
        }
        // In the order of the works, ours first.
        let order = family.works
        outcomes[first...].sort { left, right in
            let (before, after) = (
                order.firstIndex(of: left.work)!, order.firstIndex(of: right.work)!
            )
            return before == after
                ? left.system == "holdfast" && right.system != "holdfast" : before < after
        }
        Terminal.progress(nil)
        finished(outcomes[first...])
    }
    return outcomes
}

private func laps(of contestant: Contestant, in family: Family, _ bench: Bench) throws -> [Lap] {
    if !contestant.environment.isEmpty { return try lapsOfChild(contestant, in: family, bench) }
    let recorder = Recorder(system: contestant.system, filter: bench.filter)
    try contestant.run(recorder)
    return recorder.laps
}
