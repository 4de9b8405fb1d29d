@_spi(Reflection) import Swift

import HoldfastEngine
import Synchronization

/// The bytes of a plain struct that cannot hold arbitrary values. Swift assumes that a `Bool` is 0
/// or 1 and that an enum is one of its cases; a damaged one causes undefined behaviour.
///
/// Covers `Bool`, optionals and enums without associated values, at any depth in structs and
/// tuples. Enums with associated values are not checked.
package struct BitPatterns: Sendable {
    /// The byte at `offset` is below `limit`. If it is the flag of an optional, `whenZero` must
    /// hold where it is 0, which means that there is a value.
    private struct Rule {
        var offset: Int
        var limit: Int
        var name: String
        var whenZero: [Rule] = []
    }

    private let rules: [Rule]

    /// Whether every bit pattern is valid.
    package var acceptAll: Bool { rules.isEmpty }

    /// Returns whether values of a type are plain bytes without invalid patterns.
    static func acceptAll(of type: any Persistable.Type) -> Bool {
        if let described = type as? any DescribedStruct.Type { return described.acceptsAllPatterns }
        return (type as? any HeapStruct.Type).map { of($0).acceptAll } ?? false
    }

    private init(rules: [Rule]) { self.rules = rules }

    /// Creates the rules for any type, such as one of Swift's or Foundation's own.
    package init(ofAny type: Any.Type) { rules = Self.rules(for: type, at: 0, sparePatterns: 0) }

    private static let known = Mutex<[ObjectIdentifier: BitPatterns]>([:])

    /// Returns the rules for a type, found by reflection once per process.
    static func of(_ type: any HeapStruct.Type) -> BitPatterns {
        let identifier = ObjectIdentifier(type)
        if let found = known.withLock({ $0[identifier] }) { return found }
        let patterns = BitPatterns(rules: rules(for: type, at: 0, sparePatterns: 0))
        known.withLock { $0[identifier] = patterns }
        return patterns
    }

    package func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        Self.verify(rules, at: offset, in: &verification)
    }

    private static func verify(
        _ rules: [Rule], at offset: UInt64, in verification: inout some BlockVerifier
    ) {
        for rule in rules {
            let byte = Int(verification.load(offset + UInt64(rule.offset), as: UInt8.self))
            if byte >= rule.limit {
                verification.report(
                    "byte \(rule.offset) of a struct is \(byte), which is not a valid \(rule.name)")
            } else if byte == 0 {
                verify(rule.whenZero, at: offset, in: &verification)
            }
        }
    }

    /// `sparePatterns` is the number of enclosing optionals that use bit patterns unused by the
    /// type itself for their `nil`.
    private static func rules(for type: Any.Type, at offset: Int, sparePatterns: Int) -> [Rule] {
        if type == Bool.self {
            return [Rule(offset: offset, limit: 2 + sparePatterns, name: "Bool")]
        }
        if let optional = type as? any AnyOptional.Type {
            let size = TypeFacts.size(of: optional.wrappedType)
            if TypeFacts.size(of: type) == size {
                return rules(
                    for: optional.wrappedType, at: offset, sparePatterns: sparePatterns + 1)
            }
            let inner = rules(for: optional.wrappedType, at: offset, sparePatterns: 0)
            return [
                Rule(
                    offset: offset + size, limit: 2 + sparePatterns, name: "optional's flag",
                    whenZero: inner)
            ]
        }
        if let cases = EnumMetadata.plainCases(of: type) {
            guard cases > 1, TypeFacts.size(of: type) == 1 else { return [] }
            return [Rule(offset: offset, limit: cases + sparePatterns, name: "\(type)")]
        }
        var found: [Rule] = []
        _forEachField(of: type) { _, fieldOffset, fieldType, _ in
            found += rules(for: fieldType, at: offset + fieldOffset, sparePatterns: sparePatterns)
            return true
        }
        return found
    }
}

/// A plain struct whose bytes are known from a description instead of by reflection.
package protocol DescribedStruct: HeapStruct {
    /// Whether every bit pattern is valid.
    static var acceptsAllPatterns: Bool { get }
}
