import Holdfast

/// A key as each system takes it: Holdfast as itself, the libraries as bytes or integers.
protocol MapBytes: PersistableKey, PersistableOrderedKey, Hashable, Comparable {
    static var isInteger: Bool { get }
    /// Of integers.
    var integer: Int64 { get }
    /// The bytes that a library compares.
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R
}

extension UInt64: MapBytes {
    static var isInteger: Bool { true }
    var integer: Int64 { Int64(bitPattern: self) }
    @inline(__always)
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: self, body)
    }
}

extension String: MapBytes {
    static var isInteger: Bool { false }
    var integer: Int64 { 0 }
    @inline(__always)
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        var copy = self
        return try copy.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }
}
