import HoldfastEngine

/// The place of a `Pointee` in a heap, as an offset in bytes from the start of the heap.
///
/// The eight bytes mean the same in every process and after every restart. A relative pointer can
/// therefore be stored in the heap, and copied freely as a Swift value. It does not affect the
/// lifetime of its target: the program that stores one must know that the target has not been
/// freed. Every use is checked against the bounds of the heap and needs an open transaction. An
/// offset of 0 is the null pointer.
@frozen
public struct RelativePointer<Pointee: BitwiseCopyable>: BitwiseCopyable, Hashable, Sendable {
    /// The offset in bytes from the start of the heap.
    public let offset: UInt64

    /// Creates the pointer to `offset`.
    @inlinable @inline(__always)
    public init(offset: UInt64) { self.offset = offset }

    /// The null pointer.
    @inlinable
    public static var null: RelativePointer { RelativePointer(offset: 0) }

    /// Whether this is the null pointer.
    @inlinable
    public var isNull: Bool { offset == 0 }

    /// Returns a copy of the target. Traps if the pointer is outside the heap. O(1).
    @inlinable @inline(__always)
    func load(_ access: HeapAccess) -> Pointee {
        access.address(offset, MemoryLayout<Pointee>.size).loadUnaligned(as: Pointee.self)
    }
}

extension RelativePointer: CustomStringConvertible {
    public var description: String { isNull ? "null" : "+\(offset)" }
}
