import Holdfast

/// The result of a breadth-first walk.
struct Walk: Equatable {
    var nodes = 0
    var roads = 0
    /// The number of roads from the start to the farthest crossing.
    var farthest = 0
    var named = 0
}

/// Walks from the start, with the set of visited crossings in ordinary memory. Changes nothing, and
/// so runs in a read transaction, in parallel with writers and other readers.
func walk(_ map: RoadMap) -> Walk {
    let crossings = map.crossings
    var walk = Walk()
    guard let start = crossings.first else { return walk }
    var seen = [Bool](repeating: false, count: crossings.count)
    var ring = [start]
    seen[Int(start.number)] = true
    while !ring.isEmpty {
        var next: [HeapRef<Crossing>] = []
        for crossing in ring {
            walk.nodes += 1
            if crossing.name != nil { walk.named += 1 }
            for road in [
                crossing.north, crossing.east, crossing.south, crossing.west, crossing.motorway,
            ] {
                guard let road else { continue }
                walk.roads += 1
                let number = Int(road.number)
                if !seen[number] {
                    seen[number] = true
                    next.append(road)
                }
            }
        }
        if !next.isEmpty { walk.farthest += 1 }
        ring = next
    }
    return walk
}

/// Walks once more and stores each crossing's distance in it, in transactions of `batch` crossings.
/// The queue is in the heap too, so that a run continues after one that was killed. Returns the
/// number of crossings reached.
func mark(_ heap: TypedHeap<RoadMap>, batch: Int = 10_000) throws -> Int {
    var reached = 0
    var isDone = false
    while !isDone {
        try heap.write { map in
            let queue = map.queue
            if queue.isEmpty, let start = map.crossings.first, start.distance < 0 {
                start.distance = 0
                queue.append(start)
            }
            var taken = 0
            while taken < batch, let crossing = queue.popFirst() {
                let distance = crossing.distance + 1
                for road in [
                    crossing.north, crossing.east, crossing.south, crossing.west, crossing.motorway,
                ] {
                    guard let road, road.distance < 0 else { continue }
                    road.distance = distance
                    queue.append(road)
                }
                taken += 1
            }
            reached += taken
            isDone = queue.isEmpty
        }
    }
    return reached
}
