import HoldfastEngine

extension [VerificationStep] {
    /// Returns the path as text, such as `root "stock", ["bolt"], [3]: `, or an empty string in the
    /// catalogue itself.
    func description(in access: HeapAccess) -> String {
        isEmpty ? "the catalogue of roots: " : text(in: access, fromCatalogue: true)
    }

    /// Returns the path as text, such as `[3], name: `, or an empty string if it has no steps. One
    /// from the catalogue begins with a root's name.
    func text(in access: HeapAccess, fromCatalogue: Bool = false) -> String {
        guard !isEmpty else { return "" }
        let root = fromCatalogue ? 0 : -1
        var steps: [String]
        let shown = Self.shownSteps
        if count <= 2 * shown {
            steps = indices.map { step($0, access, root) }
        } else {
            steps = (0 ..< shown).map { step($0, access, root) }
            steps.append("… (\(count - 2 * shown) steps)")
            steps += indices.suffix(shown).map { step($0, access, root) }
        }
        return steps.joined(separator: ", ") + ": "
    }

    /// The number of steps shown at each end of a path that is too long to be shown completely.
    private static var shownSteps: Int { 12 }

    private func step(_ index: Int, _ access: HeapAccess, _ root: Int) -> String {
        switch self[index] {
        case .element(let number): "[\(number)]"
        case .value(let offset, let type):
            index == root ? "root \(key(offset, type, access))" : "[\(key(offset, type, access))]"
        case .field(let name): name
        case .part(let name): "\(name)"
        }
    }

    private func key<Key: Persistable>(
        _ offset: UInt64, _ type: Key.Type, _ access: HeapAccess
    ) -> String {
        let text = Key.load(access.load(offset, as: Key.Stored.self), from: access)
        return String(String(reflecting: text).prefix(60))
    }
}
