// A process that tests start, stop and kill:
//
//     heap-worker storm FOLDER SEAT ROLE SEED     takes part in a storm until it is told to end
//     heap-worker [serve]                         does what the lines of its standard input ask for
//     heap-worker guard NUMBER                    kills the process with that number when its own standard input ends

import TestProcesses

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "storm" where arguments.count == 6:
    guard let seat = Int(arguments[3]), let role = StormRole(rawValue: arguments[4]),
        let seed = UInt64(arguments[5])
    else {
        exit(2)
    }
    StormWorker(folder: arguments[2], seat: seat, role: role, seed: seed).run()
// Without /proc there are no arguments.
case "serve", nil:
    Server().run()
case "guard" where arguments.count == 3:
    guard let number = pid_t(arguments[2]) else { exit(2) }
    while readLine() != nil {}
    kill(number, SIGKILL)
default:
    exit(2)
}
