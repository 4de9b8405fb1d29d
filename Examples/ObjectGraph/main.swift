// Keeps a road network in a heap as objects that refer to each other, and walks it without loading
// it.
//
//     object-graph PATH [NODES]
//
// Creates the graph at PATH if there is no file (one million nodes by default), opens it, walks it
// breadth first, and stores each node's distance from the start in it.

import ExampleSupport
import Holdfast
import MemoryMapping

let arguments = PathBytes.commandLineArguments()
guard let path = arguments.first, arguments.count <= 2,
    let nodes = arguments.count == 2 ? Int(arguments.last!) : 1_000_000,
    nodes > 0,
    nodes < Int(Int32.max)
else { fail("usage: object-graph PATH [NODES]", status: 2) }

do {
    if fileSize(path) == nil {
        let (_, seconds) = try timed {
            var generator = Generator(nodeCount: nodes)
            try TypedHeap<RoadMap>.build(path) { map, tx in try generator.make(map, tx) }
        }
        report("built", nodes, seconds)
    }
    // Everything from here on is a new opening. Nothing remains of the one that built the graph.
    let before = residentBytes()
    let (heap, opening) = try timed { try TypedHeap<RoadMap>.open(path) }
    say("opened in \(microseconds(opening)), \(megabytes(fileSize(path) ?? 0)) on the disk")
    let (first, seconds) = try timed { try heap.read { walk($0) } }
    report("walked", first.nodes, seconds)
    say(
        "  \(first.roads) roads, \(first.named) names, the farthest crossing is \(first.farthest) "
            + "roads away"
    )
    let (second, again) = try timed { try heap.read { walk($0) } }
    report("walked again", second.nodes, again)
    guard first == second else {
        fail("object-graph: two walks of the same graph differ", status: 1)
    }
    say(
        "memory taken since opening: \(megabytes(residentBytes() - before)), most of it the file's "
            + "own pages"
    )
    let (marked, writing) = try timed { try mark(heap) }
    report("marked", marked, writing)
    let (_, closing) = try timed { try heap.close() }
    say("closed, durable, in \(microseconds(closing))")
} catch {
    fail("object-graph: \(error)", status: 1)
}
