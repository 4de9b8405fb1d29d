import HoldfastEngine

extension [VerificationStep] {
    /// Returns the path as text, such as `root "stock", ["bolt"], [3]: `, or an empty string in the
    /// catalogue itself.
    func description(in access: HeapAccess) -> String {
        guard !isEmpty else { return "the catalogue of roots: " }
        var steps: [String]
        let shown = Self.shownSteps
        if count <= 2 * shown {
            steps = indices.map { step($0, access) }
        } else {
            steps = (0 ..< shown).map { step($0, access) }
            steps.append("… (\(count - 2 * shown) steps)")
            steps += indices.suffix(shown).map { step($0, access) }
        }
        return steps.joined(separator: ", ") + ": "
    }

    /// The number of steps shown at each end of a path that is too long to be shown completely.
    private static var shownSteps: Int { 12 }

    private func step(_ index: Int, _ access: HeapAccess) -> String {
        switch self[index] {
        case .element(let number): "[\(number)]"
        case .value(let offset, let type):
            index == 0 ? "root \(key(offset, type, access))" : "[\(key(offset, type, access))]"
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
