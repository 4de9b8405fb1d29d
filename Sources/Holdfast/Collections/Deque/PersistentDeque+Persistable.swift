import HoldfastEngine
import HoldfastFormat

extension PersistentDeque: HeapHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredDeque>

    @usableFromInline typealias Mark = StoredDeque

    @inlinable
    static var ownsContents: Bool { Element.ownsMemory }

    @inlinable
    func fill(with other: PersistentDeque) {
        append(contentsOf: other)
    }

    @inlinable
    func freeContents() -> UnsafeMutablePointer<Header> {
        removeAll()
        return header
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard
            verification.claim(
                offset, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes,
                "a deque's header")
        else {
            return
        }
        let header = verification.load(offset, as: Header.self)
        guard header.magic == Header.magic else {
            return verification.report("the header of a deque has a wrong magic number")
        }
        guard header.count <= header.capacity, header.head < header.capacity || header.head == 0
        else {
            return verification.report(
                "a deque has \(header.count) elements from slot \(header.head) on, but "
                    + "\(header.capacity) slots"
            )
        }
        guard header.capacity > 0 else {
            if header.buffer != 0 {
                verification.report("a deque without slots has them at \(header.buffer)")
            }
            return
        }
        let (bytes, isBeyond) = header.capacity.multipliedReportingOverflow(by: UInt64(stride))
        guard !isBeyond, bytes <= HeapLayout.maximumBytes else {
            return verification.report("a deque has \(header.capacity) slots, too many for a heap")
        }
        guard
            verification.claim(
                header.buffer, byteCount: Int(bytes), alignment: bufferAlignment, "a deque's slots")
        else {
            return
        }
        if BitPatterns.acceptAll(of: Element.self) { return }
        for index in verification.partToVisit().numbers(of: Int(header.count)) {
            let slot = (header.head + UInt64(index)) % header.capacity
            verification.within(.element(index)) {
                Element.verify(at: header.buffer + slot * UInt64(stride), in: &$0)
            }
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Deque<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentDeque {
    /// Creates an empty deque for a field of a new record. It is created in the heap when the
    /// record is stored, and must not be used before that.
    @inlinable
    public init() { self.init(access: .detached, offset: 0) }
}

/// Marks a relative pointer as leading to a deque's header.
@frozen
public struct StoredDeque: BitwiseCopyable {}

extension PersistentDeque where Element: PersistableContainer {
    /// Adds an empty collection at the back and returns its handle:
    /// `batches.appendNew().append(3)`.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable @discardableResult
    public func appendNew() -> Element {
        let stored = Element.storeEmpty(in: access)
        append(stored: stored)
        return Element.load(stored, from: access)
    }

    /// Adds an empty collection at the front and returns its handle.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable @discardableResult
    public func prependNew() -> Element {
        let stored = Element.storeEmpty(in: access)
        prepend(stored: stored)
        return Element.load(stored, from: access)
    }

    /// Inserts an empty collection before `index` and returns its handle. Traps if `index` is
    /// greater than `count`.
    ///
    /// - Complexity: O(min(`index`, *n* - `index`)), where *n* is the count.
    @inlinable @discardableResult
    public func insertNew(at index: Int) -> Element {
        checkInsertion(index)
        let stored = Element.storeEmpty(in: access)
        insert(stored: stored, at: index)
        return Element.load(stored, from: access)
    }
}
