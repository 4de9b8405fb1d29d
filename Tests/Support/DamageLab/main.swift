import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// damage-lab [--count N] [--from N] [--seed N] [--job J --jobs N] [--keep FOLDER]
// damage-lab --replay FOLDER/NUMBER
//
// The second form opens, checks and reads a damaged heap that an earlier run has kept, in this
// process, and says what it finds. Damages heap files N times and looks at what comes of it; see
// Docs/Guarantees.md for what is allowed. Prints what came out, one line each, and ends with
// status 1 if anything was wrong.
func setting(_ name: String) -> String? {
    let arguments = CommandLine.arguments
    guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
        return nil
    }
    return arguments[place + 1]
}

func number(_ name: String, _ usual: Int) -> Int { setting(name).flatMap { Int($0) } ?? usual }

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
