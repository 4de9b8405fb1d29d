import Holdfast
import HoldfastInspection
import HoldfastTools

/// The command `watch`: shows changes of a root, as this or another process commits them.
struct Watch {
    private let session: Session
    private let name: String
    private let location: Location

    /// The maximum number of elements of a collection that are compared.
    private static let compared = 10_000

    init(_ session: Session, _ name: String, _ location: Location) {
        self.session = session
        self.name = name
        self.location = location
    }

    private struct State {
        var version: HeapVersion
        /// Nil while there is no such root.
        var value: Value?
    }

    /// Shows the value, and then each change, until Ctrl-C or the given number of changes.
    func run(changes: Int?) throws {
        var state = try read()
        guard let value = state.value else {
            throw InputError("there is no root \(Printable.line(name))", at: location)
        }
        try session.output.print("\(Name.text(name)) = \(value.text())")
        var seen = 0
        while changes.map({ seen < $0 }) ?? true {
            // In short waits, since Ctrl-C does not interrupt this one.
            let isNewer = try session.heap.waitForChange(
                since: state.version, timeout: .milliseconds(100))
            if Interruption.take() {
                // After the ^C that the terminal shows.
                return try session.output.print("")
            }
            guard isNewer else { continue }
            let next = try read()
            let lines = Difference.lines(
                Name.text(name), from: state.value, to: next.value, session.output)
            for line in lines { try session.output.print(line) }
            if !lines.isEmpty { seen += 1 }
            state = next
        }
    }

    private func read() throws -> State {
        try session.heap.read { tx in
            State(
                version: tx.version,
                value: try tx.place(ofRoot: name).map {
                    Place($0).beginning(ShownAmount(elements: Self.compared, characters: .max))
                })
        }
    }
}

/// Prints the difference between two states of a value, as lines that would turn one into the
/// other.
enum Difference {
    static func lines(_ path: String, from old: Value?, to new: Value?, _ output: Console)
        -> [String]
    {
        if old == new { return [] }
        guard let new else { return [output.styled("delete \(path)", .removed)] }
        guard let old else { return [output.styled("\(path) = \(new.text())", .added)] }
        let (oldValue, oldCount) = old.parts
        let (newValue, newCount) = new.parts
        var lines: [String] = []
        switch (oldValue, newValue) {
        case (.pairs(let oldPairs), .pairs(let newPairs)):
            let before = Dictionary(oldPairs.map { ($0.key.text(.everything), $0.value) }) {
                first, _ in first
            }
            let after = Set(newPairs.map { $0.key.text(.everything) })
            // A missing key is known to be removed only if all of the map is compared.
            if newCount == newPairs.count {
                for pair in oldPairs where !after.contains(pair.key.text(.everything)) {
                    lines.append(output.styled("\(path)[\(pair.key.text())] = nil", .removed))
                }
            }
            for pair in newPairs {
                let element = "\(path)[\(pair.key.text())]"
                if let value = before[pair.key.text(.everything)] {
                    lines += Self.lines(element, from: value, to: pair.value, output)
                } else if oldCount == oldPairs.count {
                    lines.append(output.styled("\(element) = \(pair.value.text())", .added))
                }
            }
        case (.list(let oldElements), .list(let newElements)):
            lines = listLines(path, oldElements, newElements, output)
        case (.object(let oldName, let oldFields), .object(let newName, let newFields))
        where oldName == newName && oldFields.count == newFields.count:
            for (old, new) in zip(oldFields, newFields) {
                lines += Self.lines(
                    "\(path).\(Name.text(new.name))", from: old.value, to: new.value, output)
            }
        default: return [output.styled("\(path) = \(new.text())", .added)]
        }
        return lines.isEmpty ? [output.styled("\(path) = \(new.text())", .added)] : lines
    }

    /// Elements inserted or removed at one place are shown as such. All others are shown as changed
    /// in place.
    private static func listLines(_ path: String, _ old: [Value], _ new: [Value], _ output: Console)
        -> [String]
    {
        let prefix = zip(old, new).prefix { $0 == $1 }.count
        let suffix = zip(old.dropFirst(prefix).reversed(), new.dropFirst(prefix).reversed()).prefix
        { $0 == $1 }.count
        let gone = old.count - prefix - suffix
        let come = new.count - prefix - suffix
        if gone == come {
            return (prefix ..< prefix + come).flatMap {
                lines("\(path)[\($0)]", from: old[$0], to: new[$0], output)
            }
        }
        guard gone == 0 || come == 0, gone + come <= 100 else { return [] }
        if come > 0, suffix == 0 {
            return new[prefix ..< prefix + come].map {
                output.styled("\(path).append(\($0.text()))", .added)
            }
        }
        if come > 0 {
            return (prefix ..< prefix + come).map {
                output.styled("\(path).insert(\(new[$0].text()), at: \($0))", .added)
            }
        }
        return (0 ..< gone).map { _ in output.styled("\(path).remove(at: \(prefix))", .removed) }
    }
}

extension Value {
    /// The elements that were read, and the total number.
    fileprivate var parts: (Value, Int) {
        switch self {
        case .beginning(let value, let count): (value, count)
        case .list(let elements): (self, elements.count)
        case .pairs(let pairs): (self, pairs.count)
        default: (self, 0)
        }
    }
}
