/// A named root: an entry point into a heap.
public struct Root: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// What it was made as.
    public let type: TypeDescription

    package init(name: String, type: TypeDescription) {
        self.name = name
        self.type = type
    }
}
