// The processes that tests start, stop and kill, and the programs that make test data:
//
//     test-worker storm FOLDER SEAT ROLE SEED     takes part in a storm until it is told to end
//     test-worker [serve]                         executes the commands from its standard input
//     test-worker guard NUMBER                    kills that process when its standard input ends
//     test-worker message KIND PATH [N [NS]]      one end of a conversation; see MessageWorker
//     test-worker large PATH COUNT STEP …         uses a large heap; see LargeHeapWorker
//     test-worker damage [OPTION …]               damages heaps; see DamageCommand
//     test-worker golden STEP FOLDER [GOLDEN]     makes the golden heaps; see GoldenMaker
//     test-worker gallery FOLDER                  draws heaps of several kinds; see MapGallery

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
case "message" where arguments.count >= 4:
    MessageWorker(Array(arguments.dropFirst(2))).run()
case "large" where arguments.count >= 4:
    guard let count = Int(arguments[3]) else { exit(2) }
    try LargeHeapWorker(path: arguments[2], count: count).run(Array(arguments.dropFirst(4)))
case "damage":
    try DamageCommand(Array(arguments.dropFirst(2))).run()
case "golden" where arguments.count >= 4:
    try GoldenMaker(folder: arguments[3]).make(arguments[2], arguments.dropFirst(4).first)
case "gallery" where arguments.count == 3:
    try MapGallery.draw(into: arguments[2])
default:
    exit(2)
}
