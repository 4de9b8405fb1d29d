import HoldfastEngine
import HoldfastFormat
import HoldfastSystem
import Synchronization

/// The types that this program can read, by their descriptions.
///
/// A heap keeps a description of each root's type. The program has the type if it has requested
/// such a root, or has registered the type. Any other type is built from its description by the
/// registry's maker.
package final class TypeRegistry: Sendable {
    /// Builds a type from its description, or returns nil if the description makes no sense or is
    /// incomplete. The maker finds the program's own types in the registry.
    package typealias Maker = @Sendable (TypeShape, TypeRegistry) -> (any Persistable.Type)?

    /// `@unchecked Sendable`: a type is the same on every thread.
    private struct KnownType: @unchecked Sendable {
        let type: any Persistable.Type
    }

    private struct Known {
        var fingerprints: [ObjectIdentifier: UInt64] = [:]
        /// The program's own types.
        var byDescription: [String: KnownType] = [:]
        /// Types built from their descriptions.
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

    /// Replaces the maker. The new maker must build everything that the previous one did.
    package func use(_ maker: @escaping Maker) { known.withLock { $0.maker = maker } }

    /// Returns the fingerprint of the type's description, which is equal for equal types. Throws
    /// `notStorable` if the type cannot be stored in a heap.
    package func fingerprint(of type: any Persistable.Type) throws(HeapError) -> UInt64 {
        let identifier = ObjectIdentifier(type)
        if let found = fingerprints.find(identifier) { return found }
        if let found = known.withLock({ $0.fingerprints[identifier] }) { return found }
        let text = try type.describe().text
        let fingerprint = Self.fingerprint(of: text)
        let entry = KnownType(type: type)
        known.withLock {
            $0.fingerprints[identifier] = fingerprint
            if !(type is any CollectionValue.Type) { $0.byDescription[text] = entry }
            fingerprints.add(identifier, fingerprint)
        }
        return fingerprint
    }

    /// Forgets a type, as if this program had never requested it. For tests.
    package func forget(_ type: any Persistable.Type) {
        known.withLock { known in
            known.fingerprints[ObjectIdentifier(type)] = nil
            fingerprints.remove(ObjectIdentifier(type))
            known.byDescription = known.byDescription.filter {
                ObjectIdentifier($0.value.type) != ObjectIdentifier(type)
            }
            // They may have been built from the type.
            known.made = [:]
        }
    }

    package static func fingerprint(of description: String) -> UInt64 {
        // A fixed seed, because the fingerprint is stored in the file.
        let seed = HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564)
        var text = description
        return text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    /// Returns the type with this description: the program's own, or one built from the
    /// description. Nil if the description is incomplete or makes no sense.
    package func type(describedAs text: String) -> (any Persistable.Type)? {
        if let found = programType(describedAs: text) { return found }
        let (made, maker) = known.withLock { ($0.made[text], $0.maker) }
        if let made { return made.type }
        guard let shape = TypeShape(parsing: text) else { return nil }
        // Swift's run time, which instantiates the generic types, is recursive too.
        let newType = DeepStack.run(needing: DeepStack.foreignBytes) {
            maker(shape, self)
        }
        guard let type = newType else { return nil }
        // A type whose own description differs must not be taken for the described one.
        guard (try? type.describe().text) == text || text.contains("enum ") else { return nil }
        let entry = KnownType(type: type)
        known.withLock { $0.made[text] = entry }
        return type
    }

    /// Returns the type with this identity, if a root of it has been requested.
    func type(identifiedBy identifier: UInt) -> (any Persistable.Type)? {
        known.withLock { known in
            known.byDescription.values.first {
                UInt(bitPattern: ObjectIdentifier($0.type)) == identifier
            }
        }?.type
    }

    /// Returns the program's own type with this description.
    package func programType(describedAs text: String) -> (any Persistable.Type)? {
        known.withLock({ $0.byDescription[text] })?.type
    }
}
