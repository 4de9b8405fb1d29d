import HoldfastEngine

/// A fixed number of plain values, stored contiguously.
@available(macOS 26, iOS 26, *)
extension InlineArray: Persistable, PersistableValue, PersistableNamed, HeapStruct
where Element: HeapStruct {
    public typealias Stored = Self

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("InlineArray<\(count), \(try TypeDescription.text(of: Element.self))>")
    }

    @_documentation(visibility: internal)
    private static var count: Int { MemoryLayout<Self>.size / max(MemoryLayout<Element>.stride, 1) }
}
