import HoldfastEngine

/// The stored form of an optional: a flag and the wrapped type's stored form.
@frozen
public struct StoredOptional<Wrapped: BitwiseCopyable>: BitwiseCopyable {
    // Not an `Optional`: its layout is up to Swift, and a damaged one would be undefined behaviour.
    /// 1 if there is a value, 0 if not.
    public var isPresent: UInt8
    /// The value's stored form, or zeros if there is no value.
    public var wrapped: Wrapped

    @inlinable
    init(isPresent: UInt8, wrapped: Wrapped) {
        self.isPresent = isPresent
        self.wrapped = wrapped
    }
}

extension Optional: Persistable where Wrapped: Persistable {
    public typealias Stored = StoredOptional<Wrapped.Stored>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> Wrapped? {
        stored.isPresent == 0 ? nil : Wrapped.load(stored.wrapped, from: access)
    }

    @inlinable
    public static func store(_ value: Wrapped?, in access: HeapAccess) -> Stored {
        if let value { return Stored(isPresent: 1, wrapped: Wrapped.store(value, in: access)) }
        // All zero bytes are a valid bit pattern to keep in the file. With a flag of zero they are
        // never interpreted.
        return withUnsafeTemporaryAllocation(
            byteCount: MemoryLayout<Stored>.size, alignment: MemoryLayout<Stored>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            return buffer.load(as: Stored.self)
        }
    }

    @inlinable @inline(__always)
    public static func clearPadding(at place: UnsafeMutableRawPointer) {
        let wrapped = 1.roundedUp(to: MemoryLayout<Wrapped.Stored>.alignment)
        place.clear(1 ..< wrapped)
        Wrapped.clearPadding(at: place + wrapped)
    }

    @inlinable
    public static var hasPadding: Bool {
        MemoryLayout<Wrapped.Stored>.alignment > 1 || Wrapped.hasPadding
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        if stored.isPresent != 0 { Wrapped.destroy(stored.wrapped, in: access) }
    }

    @inlinable
    public static var ownsMemory: Bool { Wrapped.ownsMemory }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        verify(at: offset, in: &verification) { Wrapped.verify(at: $0, in: &$1) }
    }

    static func verify<Verifier: BlockVerifier>(
        at offset: UInt64, in verification: inout Verifier,
        _ verifyWrapped: (UInt64, inout Verifier) -> Void
    ) {
        let flag = verification.load(offset, as: UInt8.self)
        if flag > 1 { verification.report("an optional's flag is \(flag), neither 0 nor 1") }
        // After the flag, at the wrapped form's own alignment.
        if flag == 1 {
            verifyWrapped(
                offset &+ UInt64(MemoryLayout<Wrapped.Stored>.alignment), &verification)
        }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("\(try TypeDescription.text(of: Wrapped.self))?")
    }
}

extension Optional: PersistableValue where Wrapped: PersistableValue {}

extension Optional where Wrapped: Persistable {
    public static var holdsPlaces: Bool { Wrapped.holdsPlaces }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        guard Wrapped.holdsPlaces, mover.target.load(place, as: UInt8.self) == 1 else { return }
        mover.move(Wrapped.self, at: place + UInt64(MemoryLayout<Wrapped.Stored>.alignment))
    }
}
