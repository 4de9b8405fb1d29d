import HoldfastEngine

/// A walk over everything that the roots of a heap lead to, without trusting any of it.
///
/// Each persistable type verifies its own stored form, see ``Persistable/verify(at:in:)``. These
/// rules keep a walk over damaged bytes safe:
/// - Bytes are read only inside a block that has been claimed (`claim`), beginning with the
///   catalogue of roots.
/// - A block can be claimed once. This detects two owners of one block, and prevents cycles.
/// - Contradictory data is reported and not followed.
///
/// A verifier belongs to one read transaction and its thread.
public protocol BlockVerifier {
    /// The transaction's bytes.
    var access: HeapAccess { get }

    /// The number of problems reported so far.
    var problemCount: Int { get }

    /// Whether the walk has been cancelled. Nothing can be claimed any more.
    var wasCancelled: Bool { get }

    /// Whether the walk also compares data that is sound by itself: the indexes of tables with
    /// their rows.
    var comparesIndexes: Bool { get }

    /// Whether the indexes of tables are verified on their own by `verifyLater`, since they can be
    /// made anew from the rows.
    var verifiesIndexesLater: Bool { get }

    /// Claims the block at `offset` that was allocated with this size and alignment.
    ///
    /// If no such block is in use there, or it has another owner, the result is false and a problem
    /// is reported. The block must then not be read. `what` completes "… lies at 4711, where".
    mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool

    /// Reports a problem at the current place.
    mutating func report(_ problem: String)

    /// Runs `body` with `step` as the next step of the path.
    mutating func within(_ step: VerificationStep, _ body: (inout Self) -> Void)

    /// Returns the part of the contents of the block just claimed that the walk visits.
    /// Collections, records and unions ask once each.
    mutating func partToVisit() -> VisitedPart

    // The file determines how deeply values are nested. Records and unions, which may contain
    // others of their own type, are verified between `enterLevel` and `leaveLevel` or, at great
    // depth, by `postpone`. So the depth of the data costs a list and no stack.

    /// Begins a level. Returns false if the level is too deep for now and its work must be
    /// postponed.
    mutating func enterLevel() -> Bool

    /// Ends a level. The outermost level ends with all postponed work.
    mutating func leaveLevel()

    /// Postpones `work`, to be done at the current place when the outermost level is about to end.
    mutating func postpone(_ work: @escaping (inout Self) -> Void)

    /// Verifies, with `body`, data that is read immediately afterwards, so that none of it may be
    /// postponed.
    mutating func completely(_ body: (inout Self) -> Void)

    /// Postpones `work`, to be done at the current place when everything else has been verified.
    /// Only if `verifiesIndexesLater`.
    mutating func verifyLater(_ work: @escaping (inout Self) -> Void)

    /// Records a reference to a record, to be followed once everything that has an owner is known.
    /// `shares` says that the reference counts as an owner itself.
    mutating func follow<Record: ReferenceTarget>(
        _ offset: UInt64, to type: Record.Type, shares: Bool)

    /// Verifies a root whose name is the current place.
    ///
    /// The arguments are from the catalogue: the description of the root's type, or nil if it could
    /// not be read; its fingerprint; and the place of the word that leads to the root.
    mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64)
}

/// The part of the contents of a block that a ``BlockVerifier`` visits.
public struct VisitedPart {
    /// A part of a collection. A record or union is visited with all of its values, or not at all.
    package enum Choice {
        case everything
        case nothing
        /// The elements or entries of these numbers, in the order of an iteration.
        case elements(Range<Int>)
        /// What a search for this key of a map or set reads.
        case key(Any)
    }

    package let choice: Choice

    package init(_ choice: Choice) { self.choice = choice }

    /// Whether the values of a record or union are visited.
    var hasContents: Bool { if case .nothing = choice { false } else { true } }

    /// The numbers of the elements that are visited, of a collection of `count`.
    func numbers(of count: Int) -> Range<Int> {
        switch choice {
        case .everything: 0 ..< count
        case .nothing, .key: 0 ..< 0
        case .elements(let range): range.clamped(to: 0 ..< count)
        }
    }
}

/// A step on the path from the catalogue to the current place of a ``BlockVerifier``.
public enum VerificationStep {
    /// An element of an array.
    case element(Int)
    /// The value of a map's entry, identified by the place of its key, which has been verified.
    case value(keyAt: UInt64, any Persistable.Type)
    /// A field of a record.
    case field(String)
    /// A named part.
    case part(StaticString)
}

extension BlockVerifier {
    public var comparesIndexes: Bool { false }
    public var verifiesIndexesLater: Bool { false }
    public mutating func verifyLater(_ work: @escaping (inout Self) -> Void) { work(&self) }

    /// Returns the whole.
    public mutating func partToVisit() -> VisitedPart { VisitedPart(.everything) }

    /// Reads bytes of a block that has been claimed.
    public func load<T: BitwiseCopyable>(_ offset: UInt64, as type: T.Type) -> T {
        access.load(offset, as: type)
    }

    /// Claims the block of a single stored form.
    mutating func claim<Stored>(
        _ offset: UInt64, for type: Stored.Type, _ what: @autoclosure () -> String
    ) -> Bool {
        claim(
            offset, byteCount: MemoryLayout<Stored>.size, alignment: MemoryLayout<Stored>.alignment,
            what())
    }
}
