import Holdfast
import HoldfastInspection

/// Differences of heaps as lines.
enum DifferenceLines {
    /// The differences between two new heaps, one line each.
    static func between(
        roots: [String]? = nil, _ old: (borrowing WriteTransaction) throws -> Void,
        _ new: (borrowing WriteTransaction) throws -> Void
    ) throws -> [String] {
        let (left, right) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        try left.write { tx in try old(tx) }
        try right.write { tx in try new(tx) }
        return try lines(left, right, roots: roots)
    }

    static func lines(
        _ old: PersistentHeap, _ new: PersistentHeap, roots: [String]? = nil
    ) throws -> [String] {
        var lines: [String] = []
        try new.differences(from: old, roots: roots) { lines.append(line($0)) }
        return lines
    }

    static func line(_ change: HeapChange) -> String {
        let path = change.path.map { part in
            switch part {
            case .key(let key): "[\(key)]"
            case .index(let index): "[\(index)]"
            case .field(let name): ".\(name)"
            case .payload(let name, let number): ".\(name)[\(number)]"
            case .record(let number): "#\(number)"
            }
        }
        let mark = [.added: "+", .removed: "-", .changed: "~"][change.kind]!
        let values = [change.old, change.new].compactMap { $0 }.joined(separator: " -> ")
        return "\(mark) \(change.root)\(path.joined())\(values.isEmpty ? "" : " " + values)"
    }
}
