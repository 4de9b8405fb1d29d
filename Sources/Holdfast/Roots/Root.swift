/// A named root: an entry point into a heap.
public struct Root: Hashable, Sendable {
    /// The name of the root.
    public let name: String
    /// The type that the root was created with.
    public let type: TypeDescription

    package init(name: String, type: TypeDescription) {
        self.name = name
        self.type = type
    }
}
