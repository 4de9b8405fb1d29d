import HoldfastEngine

/// A fixed number of plain values, stored contiguously.
@available(macOS 26, iOS 26, *)
extension InlineArray: Persistable, PersistableValue, PersistableNamed, HeapStruct
where Element: HeapStruct {
    public typealias Stored = Self

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("InlineArray<\(count), \(try TypeDescription.text(of: Element.self))>")
    }

    @inlinable
    public static func clearPadding(at place: UnsafeMutableRawPointer) {
        guard hasPadding else { return }
        var element = place
        for _ in 0 ..< count {
            Element.clearPadding(at: element)
            element.clear(MemoryLayout<Element>.size ..< MemoryLayout<Element>.stride)
            element += MemoryLayout<Element>.stride
        }
    }

    @inlinable
    public static var hasPadding: Bool {
        MemoryLayout<Element>.size < MemoryLayout<Element>.stride || Element.hasPadding
    }

    @_documentation(visibility: internal)
    @inlinable
    static var count: Int { MemoryLayout<Self>.size / max(MemoryLayout<Element>.stride, 1) }
}
