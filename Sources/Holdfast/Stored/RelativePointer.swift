import HoldfastEngine

/// The place of a `Pointee` in a heap, counted in bytes from the heap's start.
///
/// Eight bytes that mean the same in every process and after every restart, so a relative pointer
/// can be kept in the heap and copied about freely as a Swift value. It says nothing of lifetime:
/// whoever keeps one must know that what it leads to has not been freed. Every use is checked
/// against the heap's bounds and needs an open transaction; 0 leads nowhere.
@frozen
public struct RelativePointer<Pointee: BitwiseCopyable>: BitwiseCopyable, Hashable, Sendable {
    /// Bytes from the heap's start.
    public let offset: UInt64

    /// The pointer to `offset`.
    @inlinable @inline(__always)
    public init(offset: UInt64) { self.offset = offset }

    /// The pointer that leads nowhere.
    @inlinable
    public static var null: RelativePointer { RelativePointer(offset: 0) }

    /// Whether it leads nowhere.
    @inlinable
    public var isNull: Bool { offset == 0 }

    /// A copy of what lies there. Traps if that is outside the heap. O(1).
    @inlinable @inline(__always)
    func load(_ access: HeapAccess) -> Pointee {
        access.address(offset, MemoryLayout<Pointee>.size).loadUnaligned(as: Pointee.self)
    }

    /// Stores `value` there, noted for the log. O(1).
    @inlinable @inline(__always)
    func store(_ value: Pointee, _ access: HeapAccess) {
        access.store(value, at: offset)
    }
}

extension RelativePointer: CustomStringConvertible {
    public var description: String { isNull ? "null" : "+\(offset)" }
}
