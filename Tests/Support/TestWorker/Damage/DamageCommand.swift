#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Damages heap files and checks the consequences.
///
///     test-worker damage [--count N] [--from N] [--seed N] [--job J --jobs N] [--keep FOLDER]
///     test-worker damage --replay FOLDER/NUMBER
///
/// The first form runs N trials; Docs/Guarantees.md lists the permitted outcomes. It prints the
/// number of each outcome, one per line, and exits with status 1 if anything was wrong. The second
/// form opens, checks and reads a damaged heap kept by an earlier run, in this process, and prints
/// its findings.
struct DamageCommand {
    private let arguments: [String]

    init(_ arguments: [String]) { self.arguments = arguments }

    func run() throws -> Never {
        if let prefix = setting("--replay") {
            try Laboratory.replay(prefix)
            exit(0)
        }
        do {
            let jobs = max(1, number("--jobs", 1))
            let laboratory = try Laboratory(
                seed: UInt64(number("--seed", 1)), keepFolder: setting("--keep"))
            let first = number("--from", 0) + number("--job", 0)
            let failures = laboratory.run(
                from: first, to: number("--from", 0) + number("--count", 1000), step: jobs)
            for (name, count) in laboratory.summary { print("\(name): \(count)") }
            exit(failures == 0 ? 0 : 1)
        } catch {
            print("the heaps to damage could not be made: \(error)")
            exit(2)
        }
    }

    private func setting(_ name: String) -> String? {
        guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
            return nil
        }
        return arguments[place + 1]
    }

    private func number(_ name: String, _ usual: Int) -> Int {
        setting(name).flatMap { Int($0) } ?? usual
    }
}
