#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A type whose owned memory changes only together with its stored form: a new value is stored, and
/// the old one freed. Nothing in a heap changes such a value in place.
///
/// A comparison of two states of a collection need not look into the blocks of such values, as it
/// must with records and nested collections; see `OwnedLines`.
protocol ReplacedAsWhole: Persistable {}

extension Persistable {
    /// Whether what a stored form owns can change while the form itself stays.
    static var changesInPlace: Bool { ownsMemory && !(Self.self is any ReplacedAsWhole.Type) }
}

extension String: ReplacedAsWhole {}
extension Data: ReplacedAsWhole {}
extension URL: ReplacedAsWhole {}
extension Decimal: ReplacedAsWhole {}
extension Encoded: ReplacedAsWhole {}
extension Optional: ReplacedAsWhole where Wrapped: ReplacedAsWhole {}
