import Holdfast
import HoldfastInspection

// Commands outside of a transaction.

extension Session {
    func run(_ command: Command, at location: Location) throws {
        switch command {
        case .begin: break
        case .commit, .abort:
            throw InputError("there is no transaction; begin opens one", at: location)
        case .sync: try heap.sync()
        case .roots: try show(heap.read { tx in try rootList(tx) })
        case .help: try output.print(Help.text)
        case .quit: throw End.quit
        case .watch(let name, let changes): try Watch(self, name, location).run(changes: changes)
        case .map: for line in try Picture.lines(of: heap) { try output.print(line) }
        case .stats: for line in try Statistics.lines(of: heap) { try output.print(line) }
        }
    }

    // MARK: Roots

    /// A root in the list: its name, its type, and its size or value.
    struct RootLine {
        let name: String
        let type: String
        let content: String
    }

    func rootList(_ tx: borrowing ReadTransaction) throws -> [RootLine] {
        var lines: [RootLine] = []
        for root in tx.roots { lines.append(line(for: root, try? tx.place(ofRoot: root.name))) }
        return lines
    }

    func rootList(_ tx: borrowing WriteTransaction) throws -> [RootLine] {
        var lines: [RootLine] = []
        for root in tx.roots { lines.append(line(for: root, try? tx.place(ofRoot: root.name))) }
        return lines
    }

    private func line(for root: Root, _ found: ValuePlace??) -> RootLine {
        let type = Printable.line(root.type.shape?.content.name ?? root.type.text)
        guard let place = (found ?? nil).map({ Place($0) }) else {
            return RootLine(
                name: Name.text(root.name), type: type, content: "of an unknown type")
        }
        let content: String
        if place.kind != .other, let count = try? place.count() {
            content =
                "\(count) \(place.kind.isMap ? count == 1 ? "entry" : "entries" : count == 1 ? "element" : "elements")"
        } else {
            content = place.beginning(ShownAmount(elements: 3, characters: 40)).text(
                ShownAmount(elements: 3, characters: 40))
        }
        return RootLine(name: Name.text(root.name), type: type, content: content)
    }

    func show(_ roots: [RootLine]) throws {
        if roots.isEmpty {
            return try output.print(
                isInteractive ? output.styled("no roots yet", .note) : "no roots yet")
        }
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let nameWidth = roots.map(\.name.count).max() ?? 0
        let typeWidth = min(roots.map(\.type.count).max() ?? 0, 40)
        for root in roots {
            try output.print(
                "\(padded(root.name, nameWidth))  \(padded(root.type, typeWidth))  \(root.content)")
        }
    }
}
