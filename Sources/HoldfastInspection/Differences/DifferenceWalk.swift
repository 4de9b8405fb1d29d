import Holdfast
import HoldfastEngine

/// Compares roots of two heaps, which have been verified, and reports what differs.
///
/// The walk goes from part to part with a list of open comparisons, in place of a recursion.
final class DifferenceWalk {
    /// What a walk is for.
    enum Purpose {
        /// To find out which records are the same in both heaps. Nothing is reported.
        case pairing
        case reporting
    }

    private struct Open {
        let comparison: any PartComparison
        let mark: Trail.Mark
        /// Whether the parts are of a value that was nested too deeply to be reported as a whole,
        /// and are not tried as wholes either.
        let isBroken: Bool
    }

    private let old: ComparedHeap
    private let new: ComparedHeap
    private let pairs: RecordPairs
    private let forms: LineForm.Maker
    private let equality: ValueEquality
    private let holders = RecordHolders()
    private let requireGoingOn: () throws -> Void
    private let report: (HeapChange) throws -> Void
    private var purpose = Purpose.reporting
    private var open: [Open] = []
    private var trail = Trail()
    private var root = ""
    private var steps = 0

    /// `requireGoingOn` is called now and then, and ends the walk with an error.
    init(
        _ old: ComparedHeap, _ new: ComparedHeap, _ pairs: RecordPairs,
        requireGoingOn: @escaping () throws -> Void, report: @escaping (HeapChange) throws -> Void
    ) {
        (self.old, self.new, self.pairs) = (old, new, pairs)
        forms = LineForm.Maker(leavingOutIndexes: true, takingStructsApart: true)
        equality = ValueEquality(old: old, new: new, pairs: pairs)
        (self.requireGoingOn, self.report) = (requireGoingOn, report)
    }

    // MARK: Roots

    /// Compares a root that both heaps have, or reports one that only one of them has.
    func compare(
        root name: String, _ left: RootVerifier.Found?, _ right: RootVerifier.Found?,
        _ purpose: Purpose
    ) throws {
        (root, self.purpose, trail) = (name, purpose, Trail())
        for heap in [old, new] {
            heap.notes = RootCatalogue(heap.access).entry(name)?.notes ?? TypeNotes()
        }
        if let left, let right {
            let (description, other) = (left.entry.description, right.entry.description)
            if description != other, purpose == .reporting {
                try pass(
                    .changed, oldType: TypeDescription(description),
                    newType: TypeDescription(other))
            }
            try compare(value(of: left), value(of: right))
        } else if purpose == .reporting {
            try (left ?? right).map { try give($0, in: left == nil ? new : old) }
        }
        try run()
        if purpose == .reporting { try giveReferredRecords() }
    }

    private func value(of root: RootVerifier.Found) -> ComparedValue {
        ComparedValue(forms.form(of: root.type), root.entry.place)
    }

    /// A root appears or disappears, and then its elements or entries do, one by one. Only of a
    /// single value, text and bytes, the change of the root is all.
    private func give(_ root: RootVerifier.Found, in heap: ComparedHeap) throws {
        let value = value(of: root)
        let type = TypeDescription(root.entry.description)
        let parts =
            try isSingle(value, in: heap) ? nil : heap.partsAlone(of: value, equality)
        let text = parts == nil ? try heap.text(of: value) : nil
        try pass(
            heap.side == .old ? .removed : .added, old: heap.side == .old ? text : nil,
            new: heap.side == .new ? text : nil, oldType: heap.side == .old ? type : nil,
            newType: heap.side == .new ? type : nil)
        if let parts { push(parts) } else if text == nil { try breakUp(value, in: heap) }
    }

    /// Whether a root holds a single value that is no table.
    private func isSingle(_ root: ComparedValue, in heap: ComparedHeap) -> Bool {
        guard case .box = root.form.content!, case .content(let value) = heap.wrapping(of: root)
        else { return false }
        if case .record(let record) = value.form.content! { return !record.isTable }
        return true
    }

    /// The records that only references lead to, that reported values refer to, and that only one
    /// heap has: each once.
    private func giveReferredRecords() throws {
        for heap in [old, new] {
            while let (number, block, type) = heap.nextReferredRecord() {
                guard !pairs.hasPartner(block, heap.side),
                    case .record(let record) = forms.form(of: type).content
                else { continue }
                trail = Trail()
                trail.restart(atRecord: number)
                let text = try heap.text(of: record, atBlock: block)
                try pass(text, in: heap)
                guard text == nil, let parts = heap.alone(heap.parts(of: record, atBlock: block))
                else { continue }
                push(parts, isBroken: true)
                try run()
            }
        }
    }

    // MARK: The walk

    private func run() throws {
        while let last = open.last {
            steps += 1
            if steps & 1023 == 0 { try requireGoingOn() }
            trail.cut(to: last.mark)
            guard let part = try last.comparison.next() else {
                open.removeLast()
                continue
            }
            trail.append(part.step)
            switch (part.old, part.new) {
            // Elements of sets that both have are equal.
            case (let left?, let right?): if !part.isMember { try compare(left, right) }
            case (let left?, nil): try give(left, of: part, in: old, last.isBroken)
            case (nil, let right?): try give(right, of: part, in: new, last.isBroken)
            case (nil, nil): break
            }
        }
    }

    private func push(_ comparison: any PartComparison, isBroken: Bool = false) {
        open.append(Open(comparison: comparison, mark: trail.mark, isBroken: isBroken))
    }

    /// Whether nothing can come of comparing the values.
    private func areDone(_ left: ComparedValue, _ right: ComparedValue) -> Bool {
        switch purpose {
        case .pairing: !holders.mayHoldRecords(left.form)
        case .reporting: equality.areCertainlyEqual(left, right)
        }
    }

    private func compare(_ left: ComparedValue, _ right: ComparedValue) throws {
        if areDone(left, right) { return }
        var (left, right) = (left, right)
        while true {
            switch (old.wrapping(of: left), new.wrapping(of: right)) {
            case (.nothing, .nothing): return try compare(unwrapped: left, right)
            case (.missing, .missing): return
            case (.missing, _), (_, .missing): return try change(left, right)
            case (.content(let content), .content(let other)): (left, right) = (content, other)
            case (.content(let content), .nothing): left = content
            case (.nothing, .content(let other)): right = other
            }
        }
    }

    private func compare(unwrapped left: ComparedValue, _ right: ComparedValue) throws {
        switch (left.form.content!, right.form.content!) {
        case (.record, .record):
            if purpose == .pairing {
                pairs.pair(owned: old.load(left.place), new.load(right.place))
            }
            try compareParts(old.fixedParts(of: left), new.fixedParts(of: right))
        case (.reference, .reference): try compareReferences(left, right)
        case (.union(let cases), .union(let others)):
            let name = try old.unionCase(cases, at: left.place).form.name
            let other = try new.unionCase(others, at: right.place).form.name
            if name != other { return try change(left, right) }
            try compareParts(old.fixedParts(of: left), new.fixedParts(of: right))
        case (.list(let load, let element), .list(let loadOther, let other)):
            push(
                try ListComparison(
                    ListComparison.List(load(old.access, left.place), element, of: old),
                    ListComparison.List(loadOther(new.access, right.place), other, of: new),
                    equality))
        case (.entries(let form), .entries(let other))
        where (form.value == nil) == (other.value == nil):
            push(
                EntriesComparison(
                    EntriesComparison.Entries(form, at: left.place, of: old),
                    EntriesComparison.Entries(other, at: right.place, of: new)))
        default:
            if let bits = old.bits(left), let others = new.bits(right) {
                return push(BitsComparison(bits, others))
            }
            if let parts = try old.fixedParts(of: left), let others = try new.fixedParts(of: right)
            {
                return compareParts(parts, others)
            }
            if try !equality.areEqualLeaves(left, right) { try change(left, right) }
        }
    }

    /// Compares the parts that have the same name, as those of the same type do in their order.
    private func compareParts(_ parts: [ComparedHeap.Part]?, _ others: [ComparedHeap.Part]?) {
        guard let parts, let others else { return }
        let haveSameNames =
            parts.count == others.count
            && zip(parts, others).allSatisfy { $0.step.name == $1.step.name }
        var compared: [ComparedPart] = []
        if haveSameNames {
            for (part, other) in zip(parts, others) where !areDone(part.value, other.value) {
                compared.append(ComparedPart(part.step, part.value, other.value))
            }
        } else {
            var rest: [String?: ComparedValue] = [:]
            for other in others { rest[other.step.name] = other.value }
            for part in parts {
                let other = rest.removeValue(forKey: part.step.name)
                compared.append(ComparedPart(part.step, part.value, other))
            }
            for other in others where rest[other.step.name] != nil {
                compared.append(ComparedPart(other.step, nil, other.value))
            }
        }
        if !compared.isEmpty { push(FixedComparison(compared)) }
    }

    private func compareReferences(_ left: ComparedValue, _ right: ComparedValue) throws {
        let (block, other): (UInt64, UInt64) = (old.load(left.place), new.load(right.place))
        switch purpose {
        case .pairing: guard pairs.pair(referred: block, other) else { return }
        case .reporting:
            guard pairs.arePartners(block, other) else { return try change(left, right) }
            if pairs.areSettled(block, other) { return }
            pairs.visit(block)
        }
        guard let type = left.form.type as? any InspectableReference.Type,
            let otherType = right.form.type as? any InspectableReference.Type,
            case .record(let record) = forms.form(of: type.targetType).content!,
            case .record(let otherRecord) = forms.form(of: otherType.targetType).content!
        else { return }
        trail.follow { pairs.number(of: other, .new) }
        compareParts(
            old.parts(of: record, atBlock: block), new.parts(of: otherRecord, atBlock: other))
    }

    // MARK: Reports

    /// A part that only one heap has.
    private func give(
        _ value: ComparedValue, of part: ComparedPart, in heap: ComparedHeap, _ isBroken: Bool
    ) throws {
        guard purpose == .reporting else { return }
        if part.isMember { return try pass(nil, in: heap) }
        if isBroken, let parts = try heap.partsAlone(of: value, equality) {
            try pass(nil, in: heap)
            return push(parts, isBroken: true)
        }
        let text = try heap.text(of: value)
        try pass(text, in: heap)
        if text == nil { try breakUp(value, in: heap) }
    }

    private func change(_ left: ComparedValue, _ right: ComparedValue) throws {
        guard purpose == .reporting else { return }
        let (text, other) = (try old.text(of: left), try new.text(of: right))
        try pass(.changed, old: text, new: other)
        if other == nil { try breakUp(right, in: new) }
        if text == nil { try breakUp(left, in: old) }
    }

    /// Reports the parts of a value that is nested too deeply to be reported as a whole.
    private func breakUp(_ value: ComparedValue, in heap: ComparedHeap) throws {
        if let parts = try heap.partsAlone(of: value, equality) { push(parts, isBroken: true) }
    }

    private func pass(_ text: String?, in heap: ComparedHeap) throws {
        switch heap.side {
        case .old: try pass(.removed, old: text)
        case .new: try pass(.added, new: text)
        }
    }

    private func pass(
        _ kind: HeapChange.Kind, old oldText: String? = nil, new newText: String? = nil,
        oldType: TypeDescription? = nil, newType: TypeDescription? = nil
    ) throws {
        let path = try trail.path { key, side in
            try (side == .old ? old : new).text(of: key) ?? "null"
        }
        try report(
            HeapChange(
                root: root, path: path, kind: kind, old: oldText, new: newText, oldType: oldType,
                newType: newType))
    }
}
