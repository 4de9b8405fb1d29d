import Foundation
import Holdfast

func roots(_ count: Int) throws {
    let names = (0 ..< count).map { "root number \($0)" }
    let heap = try PersistentHeap.open(path)
    try step("create \(count) roots in a transaction") {
        try heap.write { tx in
            for (index, name) in names.enumerated() { _ = try tx.value(name, initial: index) }
        }
    }
    try step("a read each") {
        for (index, name) in names.enumerated() {
            try require(heap.read { try $0.value(name, of: Int.self).value } == index)
        }
    }
    try step("a write each") {
        for name in names { try heap.write { try $0.value(name, initial: 0).value += 1 } }
    }
    try check(heap)
    try step("copy") { try heap.copy(to: copyPath) }
    try step("remove in a transaction") {
        try heap.write { tx in
            for name in names { try tx.removeRoot(name, PersistentValue<Int>.self) }
        }
    }
    try step("close") { try heap.close() }
}

func bytes(_ mebibytes: Int) throws {
    let heap = try PersistentHeap.open(path)
    let piece = Data(repeating: 7, count: 64 << 10)
    for quarter in 1 ... 4 {
        try step("append \(mebibytes / 4) MiB, 64 KiB a transaction (\(quarter))") {
            for _ in 0 ..< mebibytes * 4 {
                try heap.write { try $0.bytes("b").append(contentsOf: piece) }
            }
        }
    }
    try step("read in pieces") {
        try heap.read { tx in
            var sum = 0
            for piece in try tx.bytes("b").chunks(of: 64 << 10) { sum += Int(piece[100]) }
            require(sum == 7 * 16 * mebibytes)
        }
    }
    try step("overwrite at 1000 places, a transaction each") {
        for number in 0 ..< 1000 {
            try heap.write {
                try $0.bytes("b").write([1, 2, 3], at: number << 16 % (mebibytes << 20))
            }
        }
    }
    try check(heap)
    try step("remove") { try heap.write { try $0.removeRoot("b", PersistentBytes.self) } }
    try step("append \(mebibytes) MiB in one transaction") {
        try heap.write { tx in
            let bytes = try tx.bytes("b")
            for _ in 0 ..< mebibytes * 16 { bytes.append(contentsOf: piece) }
        }
    }
    try step("close") { try heap.close() }
}

/// Two values that grow side by side: neither can grow in place.
func bytesBeside(_ mebibytes: Int) throws {
    let heap = try PersistentHeap.open(path)
    let piece = Data(repeating: 7, count: 64 << 10)
    for part in 1 ... 8 {
        try step("append \(mebibytes / 8) MiB to each of two, 64 KiB a transaction (\(part))") {
            for _ in 0 ..< mebibytes * 2 {
                try heap.write { tx in
                    for name in ["a", "b"] { try tx.bytes(name).append(contentsOf: piece) }
                }
            }
        }
    }
    try step("close") { try heap.close() }
}

func array(_ count: Int) throws {
    try step("build \(count) elements of one byte, without reserving") {
        try PersistentHeap.build(path) { tx in
            let array = try tx.array("a", of: Int8.self)
            for _ in 0 ..< count { array.append(3) }
        }
    }
    let heap = try PersistentHeap.open(path)
    try step("sum") {
        try heap.read { tx in
            var sum = 0
            for element in try tx.array("a", of: Int8.self) { sum += Int(element) }
            require(sum == 3 * count)
        }
    }
    try step("append 1000, a transaction each") {
        for _ in 0 ..< 1000 { try heap.write { try $0.array("a", of: Int8.self).append(1) } }
    }
    try check(heap)
    try step("close") { try heap.close() }
}

func sparse(_ count: Int) throws {
    var options = PersistentHeap.Options()
    options.reservesDiskSpace = false
    let heap = try PersistentHeap.open(path, options: options)
    try step("reserve an array and a deque of \(count) numbers") {
        try heap.write { tx in
            try tx.array("a", of: Int64.self).reserveCapacity(count)
            try tx.deque("d", of: Int64.self).reserveCapacity(count)
        }
    }
    try step("append 100,000 to each, half of the deque's in front") {
        try heap.write { tx in
            let array = try tx.array("a", of: Int64.self)
            let deque = try tx.deque("d", of: Int64.self)
            for number in 0 ..< 50_000 as Range<Int64> {
                array.append(number)
                array.append(number)
                deque.append(number)
                deque.prepend(-number)
            }
            // Nothing grows in place from here on.
            try tx.bytes("wall").resize(to: 100_000)
        }
    }
    try step("checkpoint") { try heap.checkpoint() }
    try check(heap)
    try step("copy") { try heap.copy(to: copyPath) }
    try step("grow the deque by an eighth") {
        try heap.write {
            try $0.deque("d", of: Int64.self).reserveCapacity(count + count / 8)
        }
    }
    try step("remove both") {
        try heap.write { tx in
            try tx.removeRoot("a", PersistentArray<Int64>.self)
            try tx.removeRoot("d", PersistentDeque<Int64>.self)
        }
    }
    try step("close") { try heap.close() }
}

struct Tree: HeapRecord {
    var number: Int
    var branches = PersistentArray<Tree>()
}

func nested(_ levels: Int) throws {
    let heap = try PersistentHeap.open(path)
    try step("nest \(levels) levels") {
        try heap.write { tx in
            var array = try tx.array("t", of: Tree.self)
            for number in 0 ..< levels {
                array.append(Tree(number: number))
                array = array[ref: 0].branches
            }
        }
    }
    try check(heap)
    try step("copy the values") {
        try heap.write { tx in
            let array = try tx.array("t", of: Tree.self)
            try tx.array("u", of: Tree.self).append(contentsOf: array)
        }
    }
    try step("destroy") { try heap.write { try $0.array("t", of: Tree.self).removeAll() } }
    try step("close") { try heap.close() }
}
