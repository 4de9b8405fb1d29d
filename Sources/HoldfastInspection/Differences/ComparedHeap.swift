#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine

/// How the values of changes are written.
package enum ChangeValueStyle: Sendable {
    /// As exports write them.
    case json
    /// As Swift source text, with at most `limit` elements of each collection and `depth` levels.
    /// The numbers of records are their places in their heap.
    case text(limit: Int, depth: Int)
}

/// One of the two heaps: the state that is read, and how its values are written.
final class ComparedHeap {
    let access: HeapAccess
    let side: ComparedSide
    private let style: ChangeValueStyle
    private let records: ExportedRecords
    private var writer: LineWriter
    /// The names of cases that the heap notes for the root that is being compared.
    var notes = TypeNotes()

    init(
        _ access: HeapAccess, _ side: ComparedSide, _ pairs: RecordPairs, style: ChangeValueStyle
    ) {
        self.access = access
        self.side = side
        self.style = style
        records = ExportedRecords(
            ownedPlaces: side == .old ? pairs.oldOwned : pairs.newOwned
        ) { pairs.number(of: $0, side) }
        let encoder = JSONEncoder.ofLines
        encoder.userInfo[Exchange.userInfoKey] = records
        writer = LineWriter(access, records, encoder)
    }

    func load<T: BitwiseCopyable>(_ place: UInt64, as type: T.Type = T.self) -> T {
        access.load(place, as: type)
    }

    // MARK: Writing

    /// Returns the text of a value; nil if it is nested too deeply.
    func text(of value: ComparedValue) throws -> String? {
        let json = try json { try $0.line(value.form, at: value.place) }
        guard case .text(let limit, let depth) = style else { return json }
        return plain(value, limit, depth).description
    }

    /// Returns the text of a record's contents; nil if they are nested too deeply.
    func text(of record: LineForm.RecordForm, atBlock block: UInt64) throws -> String? {
        let json = try json { try $0.line(record, atBlock: block) }
        guard case .text(let limit, let depth) = style else { return json }
        let members = record.fields.map { field in
            let value = ComparedValue(field.form, block + field.place)
            return PlainValue.Member(name: field.name, value: plain(value, limit, depth - 1))
        }
        return PlainValue.object(type: record.name, members).description
    }

    /// Returns JSON that tells values apart: two values are equal if theirs is.
    func canonicalText(of value: ComparedValue) throws -> String {
        try writer.line(value.form, at: value.place)
    }

    /// Also in the other style, since it finds the records that the value refers to.
    private func json(_ write: (inout LineWriter) throws -> String) throws -> String? {
        do { return try write(&writer) } catch is LineWriter.NestedTooDeep { return nil }
    }

    private func plain(_ value: ComparedValue, _ limit: Int, _ depth: Int) -> PlainValue {
        if case .plain(let layout) = value.form.content! {
            return ValuePlace(access, layout, at: value.place, notes)
                .plain(limit: limit, depth: depth)
        }
        guard let type = value.form.type else { return .integer(value.place) }
        return ValuePlace(access, type, at: value.place, notes).plain(limit: limit, depth: depth)
    }

    /// The next record that only references lead to and that a text refers to.
    func nextReferredRecord() -> (number: Int, place: UInt64, type: any HeapRecord.Type)? {
        records.nextPending()
    }
}
