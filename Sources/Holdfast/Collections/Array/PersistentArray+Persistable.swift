import HoldfastEngine
import HoldfastFormat

extension PersistentArray: PersistableContainer {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredArray>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentArray {
        PersistentArray(access: access, offset: stored.offset)
    }

    /// Copies `value` with all its elements. A new array is taken over without a copy.
    @inlinable
    public static func store(_ value: PersistentArray, in access: HeapAccess) -> Stored {
        if access.takeNewCollection(value.offset, of: value.access) {
            return Stored(offset: value.offset)
        }
        let stored = storeEmpty(in: access)
        if value.access.isDetached { return stored }
        guard !Element.ownsMemory || access.enterLevel() else {
            access.postpone(following: value.access) { fill(stored, with: value, in: access) }
            return stored
        }
        fill(stored, with: value, in: access)
        if Element.ownsMemory { access.leaveLevel() }
        return stored
    }

    @inlinable
    static func fill(_ stored: Stored, with value: Self, in access: HeapAccess) {
        load(stored, from: access).append(contentsOf: value)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored {
        guard access.isWritable else { Misuse.writeInReadTransaction() }
        let offset = access.allocate(for: Header.self)
        access.store(Header(), at: offset)
        return Stored(offset: offset)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        guard !Element.ownsMemory || access.enterLevel() else {
            return access.postpone(following: access) { destroy(stored, in: access) }
        }
        let array = load(stored, from: access)
        let header = array.writableHeader
        array.destroyElements(header)
        array.freeBuffer(header)
        header.pointee.magic = 0
        access.free(
            stored.offset, byteCount: MemoryLayout<Header>.size,
            alignment: MemoryLayout<Header>.alignment)
        if Element.ownsMemory { access.leaveLevel() }
    }

    @inlinable
    public static var ownsMemory: Bool { true }

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
