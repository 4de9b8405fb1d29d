import Holdfast
import HoldfastEngine

extension ComparedHeap {
    /// What a value is wrapped in: an optional, the box of a root of one value, or a table, which
    /// is as good as its rows. Its indexes follow from them, and the number that was used last is
    /// for its program.
    enum Wrapping {
        case nothing
        /// An optional without a value.
        case missing
        case content(ComparedValue)
    }

    func wrapping(of value: ComparedValue) -> Wrapping {
        switch value.form.content! {
        case .box(let form): return .content(ComparedValue(form, load(value.place)))
        case .optional(let form, let distance, _):
            guard load(value.place, as: UInt8.self) != 0 else { return .missing }
            return .content(ComparedValue(form, value.place + distance))
        case .plain(let layout):
            guard case .optional(let wrapped) = layout.content else { return .nothing }
            guard load(value.place + UInt64(wrapped.size), as: UInt8.self) == 0 else {
                return .missing
            }
            return .content(ComparedValue(.only(.plain(wrapped)), value.place))
        case .record(let record):
            guard record.isTable, let rows = record.fields.first(where: { $0.name == "rows" })
            else { return .nothing }
            return .content(ComparedValue(rows.form, load(value.place) + rows.place))
        default: return .nothing
        }
    }

    /// The case of a union.
    func unionCase(_ cases: [LineForm.CaseForm], at place: UInt64) throws
        -> (form: LineForm.CaseForm, payload: UInt64)
    {
        let stored = load(place, as: StoredUnion.self)
        guard stored.number < cases.count else {
            throw HeapError.damaged(
                path: access.heapPath,
                what: "there is no case \(stored.number): \(cases.count) cases are described")
        }
        return (cases[Int(stored.number)], stored.payload)
    }

    /// A part of a value, with the step that leads to it.
    typealias Part = (step: Trail.Step, value: ComparedValue)

    /// The parts of a record, a union or a struct; nil for any other value.
    func fixedParts(of value: ComparedValue) throws -> [Part]? {
        switch value.form.content! {
        case .record(let record): return parts(of: record, atBlock: load(value.place))
        case .union(let cases):
            let (form, payload) = try unionCase(cases, at: value.place)
            return form.values.enumerated().map { number, part in
                (.payload(form.name, number), ComparedValue(part.form, payload + part.place))
            }
        case .plain(let layout): return parts(of: layout, at: value.place)
        default: return nil
        }
    }

    private func parts(of layout: PlainLayout, at place: UInt64) -> [Part]? {
        func part(_ layout: PlainLayout, _ offset: Int) -> ComparedValue {
            ComparedValue(.only(.plain(layout)), place + UInt64(offset))
        }
        switch layout.content {
        case .fields(let fields):
            return fields.map { (.field($0.name), part($0.layout, $0.offset)) }
        case .elements(let element, let count, let stride):
            return (0 ..< count).map { (.index($0), part(element, $0 * stride)) }
        case .native, .optional, .opaque: return nil
        }
    }

    /// The fields of a record.
    func parts(of record: LineForm.RecordForm, atBlock block: UInt64) -> [Part] {
        record.require(access, block)
        return record.fields.map { field in
            (.field(field.name), ComparedValue(field.form, block + field.place))
        }
    }

    /// A bit set; nil for any other value.
    func bits(_ value: ComparedValue) -> PersistentBitSet? {
        guard value.form.type is PersistentBitSet.Type else { return nil }
        return PersistentBitSet.load(load(value.place), from: access)
    }

    // MARK: One value alone

    /// The parts of a value that the other heap does not have; nil if there are none.
    func partsAlone(of value: ComparedValue, _ equality: ValueEquality) throws
        -> (any PartComparison)?
    {
        var value = value
        while case .content(let content) = wrapping(of: value) { value = content }
        switch value.form.content! {
        case .list(let load, let element):
            let list = ListComparison.List(load(access, value.place), element, of: self)
            guard list.count > 0 else { return nil }
            return try ListComparison(
                side == .old ? list : nil, side == .new ? list : nil, equality)
        case .entries(let form):
            guard let entries = EntriesComparison.Entries(form, at: value.place, of: self),
                entries.count > 0
            else { return nil }
            return EntriesComparison(side == .old ? entries : nil, side == .new ? entries : nil)
        default:
            if let bits = bits(value) {
                return bits.isEmpty
                    ? nil : BitsComparison(side == .old ? bits : nil, side == .new ? bits : nil)
            }
            return try fixedParts(of: value).flatMap(alone)
        }
    }

    /// Parts that the other heap does not have; nil if there are none.
    func alone(_ parts: [Part]) -> FixedComparison? {
        guard !parts.isEmpty else { return nil }
        return FixedComparison(
            parts.map { step, value in
                ComparedPart(step, side == .old ? value : nil, side == .new ? value : nil)
            })
    }
}
