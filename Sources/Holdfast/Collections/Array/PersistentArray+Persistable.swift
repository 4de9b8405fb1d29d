import HoldfastEngine
import HoldfastFormat

extension PersistentArray: HeapHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredArray>

    @usableFromInline typealias Mark = StoredArray

    @inlinable
    static var ownsContents: Bool { Element.ownsMemory }

    @inlinable
    func fill(with other: PersistentArray) {
        append(contentsOf: other)
    }

    @inlinable
    func freeContents() -> UnsafeMutablePointer<Header> {
        let header = openedForChange()
        destroyElements(header)
        freeBuffer(header)
        return header
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard verification.claim(offset, for: Header.self, "an array's header") else { return }
        let header = verification.load(offset, as: Header.self)
        guard header.magic == Header.magic else {
            return verification.report("the header of an array has a wrong magic number")
        }
        guard header.count <= header.capacity else {
            return verification.report(
                "an array has a count of \(header.count) but a capacity of \(header.capacity)")
        }
        guard header.capacity > 0 else {
            if header.buffer != 0 {
                verification.report(
                    "an array without capacity has its elements at \(header.buffer)")
            }
            return
        }
        let (bytes, isBeyond) = header.capacity.multipliedReportingOverflow(by: UInt64(stride))
        guard !isBeyond, bytes <= HeapLayout.maximumBytes else {
            return verification.report(
                "an array has a capacity of \(header.capacity) elements, too many for a heap")
        }
        guard
            verification.claim(
                header.buffer, byteCount: Int(bytes),
                alignment: MemoryLayout<Element.Stored>.alignment, "an array's elements")
        else { return }
        if BitPatterns.acceptAll(of: Element.self) { return }
        for index in verification.partToVisit().numbers(of: Int(header.count)) {
            verification.within(.element(index)) {
                Element.verify(at: header.buffer + UInt64(index * stride), in: &$0)
            }
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Array<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentArray {
    /// Creates an empty array for a field of a new record. It is created in the heap when the
    /// record is stored, and must not be used before that.
    @inlinable
    public init() { self.init(access: .detached, offset: 0) }
}

/// Marks a relative pointer as leading to an array's header.
@frozen
public struct StoredArray: BitwiseCopyable {}

extension PersistentArray where Element: PersistableContainer {
    /// Adds an empty collection at the end and returns its handle: `table.appendNew().append(3)`.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable @discardableResult
    public func appendNew() -> Element {
        let stored = Element.storeEmpty(in: access)
        append(stored: stored)
        return Element.load(stored, from: access)
    }
}
