import Foundation
import HoldfastEngine
import HoldfastSystem

/// Any `Codable` value, stored in its encoded form. For types that you do not own or that no other
/// protocol fits.
///
///     struct Profile: HeapRecord { var name: String; var theme: Encoded<Theme> }
///     let theme = profile.theme.value
///
/// This is the slow path. The value is encoded as a whole (as JSON, RFC 8259) when it is stored and
/// decoded as a whole when it is read. That takes microseconds instead of nanoseconds, and no part
/// of it can be changed in place. In return the heap does not depend on the value's layout: fields
/// can be added and removed as `Codable` allows, without a migration. Numbers that JSON cannot
/// represent (infinities and NaN) are stored as strings.
public struct Encoded<Value: Codable> {
    /// The value itself.
    public var value: Value

    /// Wraps a value.
    public init(_ value: Value) { self.value = value }
}

extension Encoded: Sendable where Value: Sendable {}
extension Encoded: Equatable where Value: Equatable {}
extension Encoded: Hashable where Value: Hashable {}

extension Encoded: PersistableValue {
    public typealias Stored = StoredBytes

    public static func load(_ stored: StoredBytes, from access: HeapAccess) -> Encoded {
        do {
            return Encoded(try decode(stored, access))
        } catch {
            Misuse.damaged(
                access,
                "an encoded \(Value.self) cannot be decoded (\(error)); its Codable form may have "
                    + "changed"
            )
        }
    }

    private static func decode(_ stored: StoredBytes, _ access: HeapAccess) throws -> Value {
        let data = stored.withBytes(access) { Data($0) }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        // In an array, since older JSON decoders reject a top-level number or string.
        let values = try DeepStack.run(needing: DeepStack.foreignBytes) {
            try decoder.decode([Value].self, from: data)
        }
        guard values.count == 1 else { throw CocoaError(.coderReadCorrupt) }
        return values[0]
    }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        StoredBytes.verify(at: offset, isText: true, in: &verification)
        guard verification.problemCount == before else { return }
        do {
            _ = try decode(verification.load(offset, as: StoredBytes.self), verification.access)
        } catch {
            verification.report("an encoded \(Value.self) cannot be decoded: \(error)")
        }
    }

    /// Traps with the encoder's reason if the value cannot be encoded.
    public static func store(_ value: Encoded, in access: HeapAccess) -> StoredBytes {
        let encoder = JSONEncoder()
        // Gives the same bytes for the same value in every process.
        encoder.outputFormatting = [.sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        do {
            let data = try DeepStack.run(needing: DeepStack.foreignBytes) {
                try encoder.encode([value.value])
            }
            return data.withUnsafeBytes { StoredBytes($0, in: access) }
        } catch {
            Misuse.trap(
                "a \(Value.self) could not be encoded: \(reason(error))",
                in: MisuseScene("Encoded<\(Value.self)>"))
        }
    }

    /// Returns the reason without the value itself, which may be anything.
    private static func reason(_ error: any Error) -> String {
        guard case EncodingError.invalidValue(_, let context) = error else { return "\(error)" }
        let cause = context.underlyingError.map { " (\($0))" } ?? ""
        return context.debugDescription + cause
    }

    public static func destroy(_ stored: StoredBytes, in access: HeapAccess) {
        stored.free(in: access)
    }

    public static var ownsMemory: Bool { true }

    /// The name alone: the type determines what the encoding contains.
    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Encoded<\(Value.self)>")
    }
}
