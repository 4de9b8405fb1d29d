#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
import HoldfastEngine
import HoldfastFormat

/// The 16 bytes of a UUID.
@frozen
public struct StoredUUID: BitwiseCopyable, Sendable {
    /// Bytes 0 to 7.
    public var first: UInt64
    /// Bytes 8 to 15.
    public var second: UInt64

    @inlinable
    init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }
}

extension UUID: Persistable {
    public typealias Stored = StoredUUID

    public static func load(_ stored: StoredUUID, from access: HeapAccess) -> UUID {
        UUID(uuid: withUnsafeBytes(of: stored) { $0.load(as: uuid_t.self) })
    }

    public static func store(_ value: UUID, in access: HeapAccess) -> StoredUUID {
        withUnsafeBytes(of: value.uuid) { $0.loadUnaligned(as: StoredUUID.self) }
    }

    public static func destroy(_ stored: StoredUUID, in access: HeapAccess) {}

    public static var ownsMemory: Bool { false }

    /// Every bit pattern is valid.
    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {}

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("UUID") }
}

extension UUID: PersistableKey {
    @inlinable
    public static func withProbe<R, Failure: Error>(
        _ key: UUID, _ body: (UUID) throws(Failure) -> R
    ) throws(Failure) -> R {
        try body(key)
    }

    public static func hash(_ probe: UUID, seed: HeapIdentity) -> UInt64 {
        withUnsafeBytes(of: probe.uuid) { StableHash.hash($0, seed: seed) }
    }

    public static func hash(stored: StoredUUID, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        withUnsafeBytes(of: stored) { StableHash.hash($0, seed: seed) }
    }

    public static func matches(_ stored: StoredUUID, _ probe: UUID, in access: HeapAccess) -> Bool {
        load(stored, from: access) == probe
    }
}

/// A date is stored as its number of seconds since 2001-01-01 00:00:00 UTC, a `Double`.
extension Date: Persistable {
    public typealias Stored = Double

    public static func load(_ stored: Double, from access: HeapAccess) -> Date {
        Date(timeIntervalSinceReferenceDate: stored)
    }

    public static func store(_ value: Date, in access: HeapAccess) -> Double {
        value.timeIntervalSinceReferenceDate
    }

    public static func destroy(_ stored: Double, in access: HeapAccess) {}

    public static var ownsMemory: Bool { false }

    /// Every bit pattern is valid.
    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {}

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Date") }
}

/// Bytes are stored unchanged, up to 15 of them inline.
extension Data: Persistable {
    public typealias Stored = StoredBytes

    public static func load(_ stored: StoredBytes, from access: HeapAccess) -> Data {
        stored.withBytes(access) { Data($0) }
    }

    public static func store(_ value: Data, in access: HeapAccess) -> StoredBytes {
        value.withUnsafeBytes { StoredBytes($0, in: access) }
    }

    public static func destroy(_ stored: StoredBytes, in access: HeapAccess) {
        stored.free(in: access)
    }

    public static var ownsMemory: Bool { true }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        StoredBytes.verify(at: offset, isText: false, in: &verification)
    }

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("Data") }
}

extension UUID: PersistableValue {}
extension Date: PersistableValue {}
extension Data: PersistableValue {}

/// Returns one of these types by its description.
func foundationType(_ name: String) -> (any Persistable.Type)? {
    switch name {
    case "UUID": UUID.self
    case "Date": Date.self
    case "Data": Data.self
    case "URL": URL.self
    case "Decimal": Decimal.self
    default: nil
    }
}
