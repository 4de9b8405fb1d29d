import ExampleSupport
import Holdfast

/// A crossing of a road network: a node of the graph.
///
/// Roads are references, not keys to be looked up: following one is the check that a crossing lies
/// there and a load.
struct Crossing: PersistableRecord {
    var number: Int32
    /// How many roads away from the start; -1 until it has been reached.
    var distance: Int32
    /// What it is called, if it is worth a name.
    var name: String?
    /// The four roads of a grid; nil where the edge of the map or a river is.
    var north: Ref<Crossing>?
    var east: Ref<Crossing>?
    var south: Ref<Crossing>?
    var west: Ref<Crossing>?
    /// A road across the map that some crossings have.
    var motorway: Ref<Crossing>?
}

/// A grid of crossings, nearly square, in which one road in twelve is missing and one crossing in
/// sixteen has a motorway to a crossing anywhere.
struct Generator {
    let nodeCount: Int
    let width: Int
    private var random = SplitMix(seed: 2026)

    init(nodeCount: Int) {
        self.nodeCount = nodeCount
        width = max(Int(Double(nodeCount).squareRoot()), 1)
    }

    /// Makes all crossings, then all roads, inside one transaction. The root lists every crossing,
    /// in their order.
    mutating func make(_ tx: borrowing WriteTransaction) throws {
        let all = try tx.array("crossings", of: Ref<Crossing>.self)
        all.reserveCapacity(nodeCount)
        var crossings: [Ref<Crossing>] = []
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
