import HoldfastEngine

/// A walk over everything that the roots of a heap lead to, which trusts none of it.
///
/// Each persistable type verifies its own stored form, see ``Persistable/verify(at:in:)``. The
/// rules that keep a walk over damaged bytes from going astray:
/// - bytes are read only where they lie in a block that has been claimed (`claim`), beginning with
///   the catalogue of roots;
/// - a block can be claimed once, so two owners of one block are found, and no walk goes round in a
///   circle;
/// - what contradicts something is reported and not followed.
///
/// Belongs to one read transaction and its thread.
public protocol BlockVerifier {
    /// The transaction's bytes.
    var access: HeapAccess { get }

    /// How many problems have been reported.
    var problemCount: Int { get }

    /// Whether the walk is to end: nothing can be claimed any more.
    var wasCancelled: Bool { get }

    /// Claims the block at `offset` that was allocated with this size and alignment; false, and a
    /// report, if no such block is in use there or something else owns it: then it must not be
    /// read. `what` completes "… lies at 4711, where".
    mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool

    /// Records what is wrong at the present place.
    mutating func report(_ problem: String)

    /// Runs `body` with `step` as the next step of the way.
    mutating func within(_ step: VerificationStep, _ body: (inout Self) -> Void)

    // How deep values lie in values is up to the file. Records and unions, which may hold others of
    // their own type, are verified between `enterLevel` and `leaveLevel`, or, deep inside, by
    // `postpone`; so the depth of the data costs a list and no stack.

    /// Begins a level; false if it is too deep a one for now, so that its work is to be postponed.
    mutating func enterLevel() -> Bool

    /// Ends a level; the outermost one with everything that was postponed.
    mutating func leaveLevel()

    /// Has `work` done, at the present place, when the outermost level is about to end.
    mutating func postpone(_ work: @escaping (inout Self) -> Void)

    /// Verifies with `body` what is going to be read right afterwards, so that nothing of it may
    /// wait.
    mutating func completely(_ body: (inout Self) -> Void)

    /// Notes a reference to a record, to be followed when everything that has an owner is known.
    /// `shares`: it counts as an owner itself.
    mutating func follow<Record: ReferenceTarget>(
        _ offset: UInt64, to type: Record.Type, shares: Bool)

    /// Verifies a root whose name is the present place. What the catalogue says of it: the
    /// description of its type, nil if that could not be read, its fingerprint, and where the word
    /// stands that leads to the root.
    mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64)
}

/// A step on the way from the catalogue to where a ``BlockVerifier`` is.
public enum VerificationStep {
    /// An element of an array.
    case element(Int)
    /// The value of a map's entry, by the place of its key, which has been verified.
    case value(keyAt: UInt64, any Persistable.Type)
    /// A field of a record.
    case field(String)
    /// A part that has a name of its own.
    case part(StaticString)
}

extension BlockVerifier {
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
