import HoldfastEngine
import HoldfastFormat
import HoldfastSystem

/// A walk over the part of a heap that is about to be read, without trusting any of it: one value,
/// with as many elements and levels as are read.
///
/// Whether a block is in use is asked of its pages' descriptors, so the cost is that of the part,
/// whatever the size of the heap. That no block has two owners is only known of the part. Only one
/// value at a time is verified, and nothing is postponed: the levels are few.
package struct PartVerification: BlockVerifier {
    package let access: HeapAccess
    private let probe: BlockProbe
    /// The part of the first collection, record or union; nil once it has been asked for.
    private var first: VisitedPart?
    /// The elements of each further collection, and the levels at which they are read.
    private let nestedElements: Int
    private let levels: Int
    private var level = 0
    private var claimed: Set<UInt64> = []
    private var steps: [VerificationStep] = []
    private let mayGoOn: () -> Bool
    private var claims = 0

    /// The first problem, with its place in the value.
    package private(set) var problem: String?
    package private(set) var problemCount = 0
    package private(set) var wasCancelled = false

    /// The roots whose names the walk has come to, if it is one over the catalogue.
    package private(set) var foundRoots: [FoundRoot] = []

    /// `elements` and `levels` limit what is visited of collections inside of the first one.
    /// `mayGoOn` is asked now and then; the walk ends early if it says no.
    package init(
        _ access: HeapAccess, visiting first: VisitedPart.Choice, elements: Int = 0,
        levels: Int = 0, mayGoOn: @escaping () -> Bool = { true }
    ) {
        self.access = access
        probe = BlockProbe(access)
        self.first = VisitedPart(first)
        nestedElements = elements
        self.levels = levels
        self.mayGoOn = mayGoOn
    }

    package mutating func partToVisit() -> VisitedPart {
        if let part = first {
            first = nil
            return part
        }
        return level < levels
            ? VisitedPart(.elements(0 ..< nestedElements)) : VisitedPart(.nothing)
    }

    package mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool {
        claims += 1
        if claims & 255 == 0, !mayGoOn() { wasCancelled = true }
        if wasCancelled { return false }
        if let problem = probe.problem(at: offset, byteCount: byteCount, alignment: alignment) {
            report("\(what()) \(problem)")
        } else if !claimed.insert(offset).inserted {
            report("\(what()) lies at \(offset), in a block that also has another owner")
        } else {
            return true
        }
        return false
    }

    package mutating func report(_ problem: String) {
        problemCount += 1
        if self.problem == nil {
            self.problem = steps.text(in: access) + problem
        }
    }

    package mutating func within(
        _ step: VerificationStep, _ body: (inout PartVerification) -> Void
    ) {
        steps.append(step)
        level += 1
        DeepStack.run { body(&self) }
        level -= 1
        steps.removeLast()
    }

    package mutating func enterLevel() -> Bool { true }
    package mutating func leaveLevel() {}
    package mutating func postpone(_ work: @escaping (inout PartVerification) -> Void) {
        work(&self)
    }

    /// Keys are read whole.
    package mutating func completely(_ body: (inout PartVerification) -> Void) {
        let outer = first
        first = VisitedPart(.everything)
        body(&self)
        first = outer
    }

    /// References are shown as places.
    package mutating func follow<Record: ReferenceTarget>(
        _ offset: UInt64, to type: Record.Type, shares: Bool
    ) {}

    package mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64
    ) {
        guard case .value(let keyPlace, _)? = steps.first else { return }
        if let description { _ = matches(description, fingerprint) }
        foundRoots.append(
            FoundRoot(self, keyPlace: keyPlace, place: place, description: description))
    }

    // MARK: Parts

    /// Verifies the catalogue alone.
    fileprivate mutating func verifyCatalogue() {
        RootCatalogue.verify(at: access.catalogue, in: &self)
    }

    /// Verifies the record of a type that a reference at `place` leads to, without its fields.
    package mutating func verify<Record: HeapRecord>(
        targetAt place: UInt64, _ type: Record.Type
    ) {
        _ = claim(recordAt: load(place, as: UInt64.self), type)
    }

    /// Verifies the block of the single value that the word at `place` leads to, without the value.
    package mutating func verify<Value: Persistable>(boxAt place: UInt64, of type: Value.Type) {
        _ = claim(load(place, as: UInt64.self), for: Value.Stored.self, "a value")
    }
}

extension HeapAccess {
    /// The roots in the catalogue, Holdfast's own too, and the first problem of the catalogue.
    /// Verifies the catalogue and nothing of the roots.
    package var verifiedCatalogue: (roots: [FoundRoot], problem: String?) {
        guard catalogue != 0 else { return ([], nil) }
        var verification = PartVerification(self, visiting: .everything)
        verification.verifyCatalogue()
        return (verification.foundRoots, verification.problem)
    }

    /// The roots that are in the middle of a migration or a conversion, sorted; none if the
    /// catalogue is damaged. Verifies the catalogue.
    package var verifiedUnfinishedRoots: [String] {
        let (roots, problem) = verifiedCatalogue
        guard problem == nil else { return [] }
        return RootCatalogue.unfinishedRoots(among: Set(roots.map(\.name)))
    }
}
