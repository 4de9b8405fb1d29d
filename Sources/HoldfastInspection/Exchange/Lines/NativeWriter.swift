#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast

/// Writes a value of one of Swift's or Foundation's types from its bytes, which are the same in the
/// heap and in memory. Only `write` takes an address.
@safe struct NativeWriter {
    let size: Int
    /// Whether values are equal if their bytes are, and only then: of integers.
    let isItsBytes: Bool
    let write: (UnsafeRawPointer, inout JSONBuffer) -> Void

    private init<T: BitwiseCopyable>(
        _: T.Type, isItsBytes: Bool = false, _ write: @escaping (T, inout JSONBuffer) -> Void
    ) {
        size = MemoryLayout<T>.size
        self.isItsBytes = isItsBytes
        unsafe self.write = { bytes, line in unsafe write(bytes.loadUnaligned(as: T.self), &line) }
    }

    /// A type that is stored as it is in memory, or as a word that means the same; nil for others.
    init?(_ type: Any.Type) {
        switch type {
        case is Bool.Type: self.init(UInt8.self) { $1.write($0 == 0 ? "false" : "true") }
        case is Double.Type: self.init(Double.self) { $1.write($0) }
        case is Float.Type: self.init(Float.self) { $1.write($0) }
        // The number of seconds since 2001.
        case is Date.Type: self.init(Double.self) { $1.write($0) }
        case is UUID.Type:
            self.init(uuid_t.self) { $1.write(string: UUID(uuid: $0).uuidString) }
        case is Int.Type: self.init(integer: Int.self)
        case is Int8.Type: self.init(integer: Int8.self)
        case is Int16.Type: self.init(integer: Int16.self)
        case is Int32.Type: self.init(integer: Int32.self)
        case is Int64.Type: self.init(integer: Int64.self)
        case is UInt.Type: self.init(integer: UInt.self)
        case is UInt8.Type: self.init(integer: UInt8.self)
        case is UInt16.Type: self.init(integer: UInt16.self)
        case is UInt32.Type: self.init(integer: UInt32.self)
        case is UInt64.Type: self.init(integer: UInt64.self)
        default: return nil
        }
    }

    /// An optional of such a type, as it is in memory; nil for others.
    init?(optional type: Any.Type) {
        guard let optional = type as? any MemoryOptional.Type,
            let made = optional.writer
        else { return nil }
        self = made
    }

    fileprivate init(
        size: Int, _ write: @escaping (UnsafeRawPointer, inout JSONBuffer) -> Void
    ) {
        self.size = size
        isItsBytes = false
        unsafe self.write = unsafe write
    }

    private init<T: FixedWidthInteger & BitwiseCopyable>(integer: T.Type) {
        self.init(T.self, isItsBytes: true) { $1.write($0) }
    }
}

private protocol MemoryOptional {
    static var writer: NativeWriter? { get }
}

extension Optional: MemoryOptional {
    static var writer: NativeWriter? {
        guard let wrapped = NativeWriter(Wrapped.self) else { return nil }
        return unsafe NativeWriter(size: MemoryLayout<Self>.size) { bytes, line in
            // Plain bytes, as those of every type that has a writer; aligned in the copy.
            unsafe withUnsafeTemporaryAllocation(of: Self.self, capacity: 1) { copy in
                unsafe UnsafeMutableRawPointer(copy.baseAddress!).copyMemory(
                    from: bytes, byteCount: MemoryLayout<Self>.size)
                guard let value = copy.baseAddress!.pointee else { return line.write("null") }
                unsafe withUnsafeBytes(of: value) { unsafe wrapped.write($0.baseAddress!, &line) }
            }
        }
    }
}
