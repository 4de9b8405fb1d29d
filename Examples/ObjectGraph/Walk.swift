import Holdfast

/// What a breadth-first walk has found.
struct Walk: Equatable {
    var nodes = 0
    var roads = 0
    /// Roads from the start to the crossing that is farthest from it.
    var farthest = 0
    var named = 0
}

/// Walks from the start with a set of one's own for what has been seen: changes nothing, and so
/// runs in a view, beside writers and other readers.
func walk(_ tx: borrowing ReadTransaction) throws -> Walk {
    let crossings = try tx.array("crossings", of: Ref<Crossing>.self)
    var walk = Walk()
    guard let start = crossings.first else { return walk }
    var seen = [Bool](repeating: false, count: crossings.count)
    var ring = [start]
    seen[Int(start.number)] = true
    while !ring.isEmpty {
        var next: [Ref<Crossing>] = []
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

/// Walks once more and writes each crossing's distance into it, in transactions of so many
/// crossings. The queue is in the heap too, so that a run that is killed goes on where it stopped.
/// Returns how many crossings were reached.
func mark(_ heap: PersistentHeap, batch: Int = 10_000) throws -> Int {
    var reached = 0
    var isDone = false
    while !isDone {
        try heap.write { tx in
            let queue = try tx.deque("queue", of: Ref<Crossing>.self)
            if queue.isEmpty, let start = try tx.array("crossings", of: Ref<Crossing>.self).first,
                start.distance < 0
            {
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
