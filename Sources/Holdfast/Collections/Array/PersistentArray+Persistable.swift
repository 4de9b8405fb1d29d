import HoldfastEngine
import HoldfastFormat

extension PersistentArray: HeapHandle {
    /// Where the header lies.
    public typealias Stored = RelativePointer<StoredArray>

    @usableFromInline typealias Mark = StoredArray

    @inlinable
    static var ownsContents: Bool { Element.ownsMemory }

    @inlinable
    func fill(with other: PersistentArray) {
        append(contentsOf: other)
    }

    @inlinable
    func freeContents() {
        let header = writableHeader
        destroyElements(header)
        freeBuffer(header)
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard verification.claim(offset, for: Header.self, "an array's header") else { return }
        let header = verification.load(offset, as: Header.self)
        guard header.magic == Header.magic else {
            return verification.report("an array's header does not begin as one")
        }
        guard header.count <= header.capacity else {
            return verification.report(
                "an array claims \(header.count) elements and room for \(header.capacity)")
        }
        guard header.capacity > 0 else {
            if header.buffer != 0 {
                verification.report("an array without room has its elements at \(header.buffer)")
            }
            return
        }
        let (bytes, isBeyond) = header.capacity.multipliedReportingOverflow(by: UInt64(stride))
        guard !isBeyond, bytes <= HeapLayout.maximumBytes else {
            return verification.report("an array claims room for \(header.capacity) elements")
        }
        guard
            verification.claim(
                header.buffer, byteCount: Int(bytes),
                alignment: MemoryLayout<Element.Stored>.alignment, "an array's elements")
        else { return }
        if BitPatterns.acceptAll(of: Element.self) { return }
        for index in 0 ..< Int(header.count) {
            verification.within(.element(index)) {
                Element.verify(at: header.buffer + UInt64(index * stride), in: &$0)
            }
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Array<\(try TypeDescription.text(of: Element.self))>")
    }
}

/// Marks a relative pointer as leading to an array's header.
@frozen
public struct StoredArray: BitwiseCopyable {}

extension PersistentArray where Element: PersistableContainer {
    /// Adds an empty collection at the end and returns its handle: `table.appendNew().append(3)`.
    /// Amortised O(1).
    @inlinable @discardableResult
    public func appendNew() -> Element {
        let stored = Element.storeEmpty(in: access)
        append(stored: stored)
        return Element.load(stored, from: access)
    }
}
