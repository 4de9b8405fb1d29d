import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection

/// A heap to be drawn: creates it at a path and returns the account of its pages.
struct Exhibit: Sendable {
    let name: String
    let make: @Sendable (String) throws -> HeapPages
}

struct OrderLine: HeapStruct {
    var item: Int32
    var delta: Int64
    var at: Double
}

let exhibits = [
    Exhibit(name: "empty") { path in try PersistentHeap.open(path).pageUse() },

    Exhibit(name: "inventory") { path in
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, Int.self)
            for number in 0 ..< 40 { stock["part \(number)"] = number }
            let log = try tx.array("log", of: OrderLine.self)
            for number in 0 ..< 100 { log.append(OrderLine(item: Int32(number), delta: 1, at: 0)) }
            try tx.string("motto").append("Everything in its place.")
        }
        return try heap.pageUse()
    },

    // The picture in Docs/Pictures: a shop after a year, with the effects of deletions.
    Exhibit(name: "shop") { path in
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let customers = try tx.map("customers", Int.self, String.self)
            let orders = try tx.sortedMap("orders", Int.self, PersistentArray<OrderLine>.self)
            let articles = try tx.map("articles", String.self, PersistentArray<String>.self)
            for number in 0 ..< 2400 {
                customers[number] = "Customer number \(number), of a street with a long name"
            }
            for number in 0 ..< 1200 {
                for item in 0 ..< number % 9 + 1 {
                    orders[creating: number].append(OrderLine(item: Int32(item), delta: 1, at: 0))
                }
            }
            for number in 0 ..< 200 {
                articles[creating: "article \(number)"].append(
                    contentsOf: (0 ..< 5).map { "what is said of it, line \($0)" })
            }
            let photos = try tx.map("photos", String.self, PersistentBytes.self)
            for number in 0 ..< 24 {
                photos[creating: "photo \(number)"].append(
                    contentsOf: repeatElement(7, count: 9000 + number * 2900))
            }
        }
        try heap.write { tx in
            let customers = try tx.map("customers", Int.self, String.self)
            for number in 0 ..< 2400 where number % 5 < 2 { customers[number] = nil }
            let orders = try tx.sortedMap("orders", Int.self, PersistentArray<OrderLine>.self)
            for number in 300 ..< 600 { orders[number] = nil }
            let photos = try tx.map("photos", String.self, PersistentBytes.self)
            for number in [3, 8, 9, 15] { photos["photo \(number)"] = nil }
            _ = tx.allocate(byteCount: 20_000)
        }
        return try heap.pageUse()
    },

    Exhibit(name: "large") { path in
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let names = [
                "measurements", "sensors", "alarms <&\"> 日本語の名前", "users", "sessions",
                "a root whose name is much longer than anybody would want it to be, really",
                "cache", "tiny", "small",
            ]
            for (index, name) in names.enumerated() {
                let map = try tx.map(name, Int.self, PersistentArray<Int>.self)
                for number in 0 ..< (index == 8 ? 3 : 2600 / (index + 1)) {
                    map[creating: number].append(contentsOf: 0 ..< (number * 37 % 1200 + 3))
                    if number % 50 == 0 {
                        map[creating: -number - 1].append(contentsOf: 0 ..< 60_000)
                    }
                }
            }
            try tx.string("\u{202E}evil\n\u{1B}[31m").append(String(repeating: "x", count: 70_000))
        }
        try heap.write { tx in
            let map = try tx.map("sensors", Int.self, PersistentArray<Int>.self)
            for number in 300 ..< 1100 { map[number] = nil }
            for number in 0 ..< 1300 where number % 50 == 0 { map[-number - 1] = nil }
            let users = try tx.map("users", Int.self, PersistentArray<Int>.self)
            for number in 0 ..< 650 where number % 3 != 0 { users[number] = nil }
        }
        return try heap.pageUse()
    },

    Exhibit(name: "tebibyte") { path in
        var options = PersistentHeap.Options()
        options.reservesDiskSpace = false
        let heap = try PersistentHeap.open(path, options: options)
        try heap.write { tx in
            try tx.map("index", String.self, Int.self)["a"] = 1
            _ = tx.allocate(byteCount: 1 << 39)
            let hole = tx.allocate(byteCount: 1 << 38)
            _ = tx.allocate(byteCount: 1 << 38)
            tx.free(hole, byteCount: 1 << 38)
        }
        return try heap.pageUse()
    },

    // Bytes changed directly in the file: of a block, of a slab's header, and of the page map's
    // end.
    Exhibit(name: "damaged") { path in
        var places: [Int] = []
        do {
            let heap = try PersistentHeap.open(path)
            try heap.write { tx in
                let map = try tx.map("readings", Int.self, PersistentArray<Int>.self)
                for number in 0 ..< 400 {
                    map[creating: number].append(contentsOf: 0 ..< (number * 37 % 700 + 3))
                }
                try tx.bytes("film").append(contentsOf: repeatElement(3, count: 400_000))
            }
            let use = try heap.pageUse()
            for stretch in use {
                if stretch.kind == .run, stretch.pages.count > 20 {
                    places += [
                        stretch.pages.lowerBound * 4096 + 9000,
                        stretch.pages.lowerBound * 4096 + 50_000,
                    ]
                }
                if case .slab(let slab) = stretch.kind, stretch.pages.lowerBound % 30 == 0 {
                    places.append(
                        SlabClass.headerOffset(
                            page: stretch.pages.lowerBound, blockBytes: slab.slotBytes) + 1)
                }
            }
            if let last = use.last {
                places.append(3 * 4096 + min(last.pages.lowerBound, 255) * 16 - 16 * 20)
            }
            try heap.close()
        }
        var bytes = try Data(contentsOf: URL(filePath: path))
        for place in places { bytes[place] = 0xEE }
        try bytes.write(to: URL(filePath: path))
        return try PersistentHeap.open(path).pageUse(comparingChecksums: true)
    },
]
