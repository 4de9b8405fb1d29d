/// One direction, encoding or decoding, of a fixed byte layout.
///
/// A type with a layout declares each field once, with its offset, in a function `transfer` that
/// takes a `FieldTransfer`. With a ``FieldWriter`` the function encodes, with a ``FieldReader`` it
/// decodes, so the two cannot disagree. Numbers are little-endian, like all machines on which heaps
/// are opened.
@usableFromInline
package protocol FieldTransfer {
    func field<Value: BitwiseCopyable>(_ value: inout Value, at offset: Int)
}

/// Writes fields to a layout that begins at `base`.
///
/// Safety: whoever makes one has the bytes of the layout there.
@safe @usableFromInline
package struct FieldWriter: FieldTransfer {
    @usableFromInline let base: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    package init(_ base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

    @inlinable @inline(__always)
    package func field<Value: BitwiseCopyable>(_ value: inout Value, at offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }
}

/// Reads fields from a layout that begins at `base`.
///
/// Safety: whoever makes one has the bytes of the layout there.
@safe @usableFromInline
package struct FieldReader: FieldTransfer {
    @usableFromInline let base: UnsafeRawPointer

    @inlinable @inline(__always)
    package init(_ base: UnsafeRawPointer) { unsafe self.base = unsafe base }

    @inlinable @inline(__always)
    package func field<Value: BitwiseCopyable>(_ value: inout Value, at offset: Int) {
        value = unsafe base.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }
}

/// A single field of a layout that is read without the others.
@usableFromInline
package struct Field<Value: BitwiseCopyable>: Sendable {
    @usableFromInline
    package let offset: Int

    @inlinable @inline(__always)
    package init(at offset: Int) { self.offset = offset }

    @inlinable @inline(__always)
    package func load(_ base: UnsafeRawPointer) -> Value {
        unsafe base.loadUnaligned(fromByteOffset: offset, as: Value.self)
    }

    @inlinable @inline(__always)
    package func store(_ value: Value, to base: UnsafeMutableRawPointer) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: Value.self)
    }
}
