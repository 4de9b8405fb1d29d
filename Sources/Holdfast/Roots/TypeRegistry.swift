import HoldfastEngine
import HoldfastFormat
import HoldfastSystem
import Synchronization

/// The types that this program can read, by what a heap says of them.
///
/// A heap keeps a description of each root's type, in words. The program has the type if it has
/// asked for such a root, or has been told of it; any other type is made of its description, by the
/// maker that the registry was given.
package final class TypeRegistry: Sendable {
    /// Makes a type of what its description says; nil if that makes no sense, or is too little. The
    /// registry is where it finds the program's own types.
    package typealias Maker = @Sendable (TypeShape, TypeRegistry) -> (any Persistable.Type)?

    /// `@unchecked Sendable`: a type is the same on every thread.
    private struct KnownType: @unchecked Sendable {
        let type: any Persistable.Type
    }

    private struct Known {
        var fingerprints: [ObjectIdentifier: UInt64] = [:]
        /// The program's own.
        var byDescription: [String: KnownType] = [:]
        /// Those that were made of their descriptions.
        var made: [String: KnownType] = [:]
        var maker: Maker
    }

    /// The registry of this process.
    package static let shared = TypeRegistry { shape, registry in
        var maker = TypeMaker(registry)
        return maker.type(of: shape)
    }

    private let known: Mutex<Known>
    private let fingerprints = FingerprintTable()

    init(maker: @escaping Maker) { known = Mutex(Known(maker: maker)) }

    /// Gives the registry another maker, which must make what the one before it made.
    package func use(_ maker: @escaping Maker) { known.withLock { $0.maker = maker } }

    /// Of the type's description: equal for equal types. Throws `notStorable` if the type cannot be
    /// kept in a heap.
    package func fingerprint(of type: any Persistable.Type) throws(HeapError) -> UInt64 {
        let identifier = ObjectIdentifier(type)
        if let found = fingerprints.find(identifier) { return found }
        if let found = known.withLock({ $0.fingerprints[identifier] }) { return found }
        let text = try type.describe().text
        let fingerprint = Self.fingerprint(of: text)
        let entry = KnownType(type: type)
        known.withLock {
            $0.fingerprints[identifier] = fingerprint
            $0.byDescription[text] = entry
            fingerprints.add(identifier, fingerprint)
        }
        return fingerprint
    }

    /// For tests: as if this program had never asked for the type.
    package func forget(_ type: any Persistable.Type) {
        known.withLock { known in
            known.fingerprints[ObjectIdentifier(type)] = nil
            fingerprints.remove(ObjectIdentifier(type))
            known.byDescription = known.byDescription.filter {
                ObjectIdentifier($0.value.type) != ObjectIdentifier(type)
            }
            // They may be made of the type.
            known.made = [:]
        }
    }

    package static func fingerprint(of description: String) -> UInt64 {
        // A fixed seed: the fingerprint stands in the file.
        let seed = HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564)
        var text = description
        return text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    /// The type with this description: the program's own, or one that is made of the description.
    /// Nil if the description says too little, or makes no sense.
    package func type(describedAs text: String) -> (any Persistable.Type)? {
        if let found = programType(describedAs: text) { return found }
        let (made, maker) = known.withLock { ($0.made[text], $0.maker) }
        if let made { return made.type }
        guard let shape = TypeShape(parsing: text) else { return nil }
        // Swift's run time, which is asked for types of types, calls itself too.
        let newType = DeepStack.run(needing: DeepStack.foreignBytes) {
            maker(shape, self)
        }
        guard let type = newType else { return nil }
        // Nothing that was put together otherwise than the description says may be taken for it.
        guard (try? type.describe().text) == text || text.contains("enum ") else { return nil }
        let entry = KnownType(type: type)
        known.withLock { $0.made[text] = entry }
        return type
    }

    /// The program's own type with this description.
    package func programType(describedAs text: String) -> (any Persistable.Type)? {
        known.withLock({ $0.byDescription[text] })?.type
    }
}
