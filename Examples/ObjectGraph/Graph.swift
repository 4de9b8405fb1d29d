import ExampleSupport
import Holdfast

/// A crossing of a road network: a node of the graph.
///
/// Roads are references, not keys to be looked up. Following one takes a load and the check that a
/// crossing is there.
@Persistable struct Crossing {
    var number: Int32
    /// The number of roads from the start, or -1 until the crossing has been reached.
    var distance: Int32
    /// The name of the crossing, if it has one.
    var name: String?
    /// The four roads of a grid. Nil at the edge of the map or a river.
    var north: HeapRef<Crossing>?
    var east: HeapRef<Crossing>?
    var south: HeapRef<Crossing>?
    var west: HeapRef<Crossing>?
    /// A road across the map that some crossings have.
    var motorway: HeapRef<Crossing>?
}

/// What the heap holds.
@HeapSchema struct RoadMap {
    /// All crossings, by number.
    var crossings: PersistentArray<HeapRef<Crossing>>
    /// The crossings whose neighbours have no distance yet.
    var queue: PersistentDeque<HeapRef<Crossing>>
}

/// A grid of crossings, nearly square. One road in twelve is missing, and one crossing in sixteen
/// has a motorway to a random crossing.
struct Generator {
    let nodeCount: Int
    let width: Int
    private var random = SplitMix(seed: 2026)

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
        width = max(Int(Double(nodeCount).squareRoot()), 1)
    }

    /// Creates all crossings, then all roads, in one transaction. The root lists every crossing, in
    /// order.
    mutating func make(_ map: RoadMap, _ tx: borrowing WriteTransaction) throws {
        let all = map.crossings
        all.reserveCapacity(nodeCount)
        var crossings: [HeapRef<Crossing>] = []
        crossings.reserveCapacity(nodeCount)
        for number in 0 ..< nodeCount {
            let crossing = try tx.new(
                Crossing(
                    number: Int32(number), distance: -1,
                    name: number % 100 == 0 ? "Crossing \(number)" : nil))
            crossings.append(crossing)
            all.append(crossing)
        }
        for (number, crossing) in crossings.enumerated() {
            let isLast = number % width == width - 1
            if !isLast, number + 1 < nodeCount, random.next() % 12 != 0 {
                crossing.east = crossings[number + 1]
                crossings[number + 1].west = crossing
            }
            if number + width < nodeCount, random.next() % 12 != 0 {
                crossing.south = crossings[number + width]
                crossings[number + width].north = crossing
            }
            if random.next() % 16 == 0 {
                crossing.motorway = crossings[Int(random.next() % UInt64(nodeCount))]
            }
        }
    }
}
