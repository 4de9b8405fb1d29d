import Holdfast
import HoldfastEngine

/// An enum with raw values, created at run time from a heap's description. Every raw value is one
/// of its own: the description does not list the cases.
struct RunTimeEnum<RawValue: Persistable, Number: RunTimeNumber>: HeapEnum {
    typealias Stored = RawValue.Stored

    let rawValue: RawValue

    static var storedName: String { RunTimeDefinition.of(Number.number).shape.name }

    static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription(RunTimeDefinition.of(Number.number).text)
    }

    static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        verification.completely { RawValue.verify(at: offset, in: &$0) }
    }
}

extension RunTimeEnum: PersistableKey where RawValue: PersistableKey {}
extension RunTimeEnum: PersistableOrderedKey where RawValue: PersistableOrderedKey {}
