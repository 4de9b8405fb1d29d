import Holdfast
import MemoryMapping

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// word-index: keeps an index of the words of text files in a heap.
//
//     word-index build words.heap [FOLDER]    indexes every text file under FOLDER, each file in a
//                                             transaction of its own
//     word-index find words.heap WORD...      prints FILE:LINE for every line that has all of the
//                                             words

let arguments = PathBytes.commandLineArguments()
switch arguments.first {
case "build" where (2 ... 3).contains(arguments.count):
    exitReporting {
        try Builder(heapPath: arguments[1], folder: arguments.count == 3 ? arguments[2] : nil).run()
    }
case "find" where arguments.count >= 3:
    exitReporting { try find(Array(arguments[2...]), inHeapAt: arguments[1]) }
case "help", "--help", "-h":
    say(usage)
default:
    exitWrongUsage()
}
