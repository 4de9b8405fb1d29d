#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine

// Its parts are classes too, since following them must not copy them.

/// How the stored forms of a type are written as JSON, worked out once for each type of an export.
///
/// The form is that of `Persistable.encode`, which `JSONEncoder` would write value by value. Types
/// that are only known at run time make that slow: each value passes a dozen generic types that the
/// runtime looks up anew. A form is a tree of these decisions, which a `LineWriter` follows.
final class LineForm {
    indirect enum Content {
        /// A type that is written from its bytes.
        case native(NativeWriter)
        case string
        case longString
        case data
        case longData
        case wideInteger(isSigned: Bool)
        case duration
        case range(LineForm, upperPlace: UInt64)
        case optional(LineForm, place: UInt64, isWrapped: Bool)
        case record(RecordForm)
        case union([CaseForm])
        case list((HeapAccess, UInt64) -> any InspectableList, LineForm)
        case entries(EntriesForm)
        case box(LineForm)
        case plain(PlainLayout)
        /// A reference: the number of its target.
        case reference((ExportedRecords, UInt64) -> Int)
        /// What an import makes anew: nothing.
        case emptyList
        /// A member of a bit set, which is not stored as such: its place is the number.
        case member
        /// Any other type: `JSONEncoder` writes it.
        case other((HeapAccess, UInt64) -> any Encodable)
    }

    final class Field {
        let name: String
        /// `"name":`, with the escapes that it needs.
        let label: [UInt8]
        let place: UInt64
        let form: LineForm

        init(name: String, label: [UInt8], place: UInt64, form: LineForm) {
            (self.name, self.label, self.place, self.form) = (name, label, place, form)
        }
    }

    /// The entries of a map, or the elements of a set.
    final class EntriesForm {
        let load: (HeapAccess, UInt64) -> any InspectableEntries
        let key: LineForm
        /// Nil for a set.
        let value: LineForm?
        /// Whether an object has the keys as its names.
        let isObject: Bool

        init(
            load: @escaping (HeapAccess, UInt64) -> any InspectableEntries, key: LineForm,
            value: LineForm?, isObject: Bool
        ) {
            (self.load, self.key, self.value, self.isObject) = (load, key, value, isObject)
        }
    }

    final class RecordForm {
        let name: String
        let isTable: Bool
        let fields: [Field]
        /// The numbers of the fields in the order of their names.
        let order: [Int]
        /// How many of the names come before that of the record's number.
        let numberRank: Int
        let require: (HeapAccess, UInt64) -> Void
        let number: (ExportedRecords, UInt64) -> Int?

        init(
            name: String, isTable: Bool, fields: [Field], order: [Int], numberRank: Int,
            require: @escaping (HeapAccess, UInt64) -> Void,
            number: @escaping (ExportedRecords, UInt64) -> Int?
        ) {
            (self.name, self.isTable) = (name, isTable)
            (self.fields, self.order, self.numberRank) = (fields, order, numberRank)
            (self.require, self.number) = (require, number)
        }
    }

    final class CaseForm {
        let name: String
        /// The value of `"case"`: the name, or the number if an earlier case has the same name.
        let label: [UInt8]
        let values: [(place: UInt64, form: LineForm)]

        init(name: String, label: [UInt8], values: [(place: UInt64, form: LineForm)]) {
            (self.name, self.label, self.values) = (name, label, values)
        }
    }

    /// Nil for a form that is not that of a type: of a part of a plain struct, for example.
    let type: (any Persistable.Type)?
    private(set) var content: Content!

    fileprivate init(_ type: (any Persistable.Type)?) { self.type = type }

    /// A form that is not that of a type.
    static func only(_ content: Content) -> LineForm {
        let form = LineForm(nil)
        form.content = content
        return form
    }

    /// The forms of the types of one export.
    final class Maker {
        private var made: [ObjectIdentifier: LineForm] = [:]
        private let leavesOutIndexes: Bool
        private let takesStructsApart: Bool

        /// `takesStructsApart`: a struct of the program's is written from its description as well,
        /// field by field, and not by the program's own code.
        init(leavingOutIndexes leavesOutIndexes: Bool, takingStructsApart: Bool = false) {
            self.leavesOutIndexes = leavesOutIndexes
            takesStructsApart = takingStructsApart
        }

        func form(of type: any Persistable.Type) -> LineForm {
            let identifier = ObjectIdentifier(type)
            if let form = made[identifier] { return form }
            // Before its content, in which it may occur again.
            let form = LineForm(type)
            made[identifier] = form
            form.content = content(of: type)
            return form
        }

        private func content(of type: any Persistable.Type) -> Content {
            if let native = NativeWriter(type) { return .native(native) }
            switch type {
            case is String.Type: return .string
            case is Int128.Type: return .wideInteger(isSigned: true)
            case is UInt128.Type: return .wideInteger(isSigned: false)
            case is Duration.Type: return .duration
            // Both are stored as the text that stands for them.
            case is URL.Type, is Decimal.Type: return .string
            case is Data.Type: return .data
            case is PersistentString.Type: return .longString
            case is PersistentBytes.Type: return .longData
            case let type as any StorableRange.Type:
                return .range(form(of: type.boundType), upperPlace: type.upperPlace)
            case let type as any InspectableOptional.Type:
                return .optional(
                    form(of: type.contentType), place: UInt64(type.contentOffset),
                    isWrapped: Exchange.canBeNull(type.contentType))
            case let type as any InspectableReference.Type: return reference(type.targetType)
            case let type as any InspectableBox.Type: return .box(form(of: type.contentType))
            case let type as any PlainlyLaidOut.Type where type.plainLayout.canBeWritten:
                return .plain(type.plainLayout)
            case is any HeapStruct.Type where takesStructsApart:
                guard let layout = PlainLayout.ofStruct(type), layout.canBeWritten else {
                    return other(type)
                }
                return .plain(layout)
            case let type as any HeapRecord.Type: return .record(record(type))
            case let type as any HeapUnion.Type: return union(type)
            case let type as any HeapEnum.Type: return raw(type)
            case let type as any CollectionValue.Type:
                return content(of: type.handleType)
            case let type as any (InspectableList & Persistable).Type: return list(type)
            case let type as any (InspectableEntries & Persistable).Type: return entries(type)
            default: return other(type)
            }
        }

        private func reference<Record: HeapRecord>(_: Record.Type) -> Content {
            .reference { $0.number(of: $1, Record.self) }
        }

        private func raw<T: HeapEnum>(_: T.Type) -> Content { content(of: T.RawValue.self) }

        private func record<Record: HeapRecord>(_ type: Record.Type) -> RecordForm {
            let layout = RecordLayout.of(type)
            let isTable = (type as? any DescribedRecord.Type)?.hasIndexes ?? false
            let fields = layout.fields.map { field in
                let mended =
                    leavesOutIndexes && isTable
                    ? DescribedTable.mended(field, of: layout).map(LineForm.only) : nil
                return Field(
                    name: field.name, label: Self.label(field.name), place: UInt64(field.offset),
                    form: mended ?? form(of: field.valueType))
            }
            let names = layout.fields.map { Array($0.name.utf8) }
            let order = names.indices.sorted { names[$0].lexicographicallyPrecedes(names[$1]) }
            let number = Array(Exchange.numberName.stringValue.utf8)
            return RecordForm(
                name: layout.typeName, isTable: isTable, fields: fields, order: order,
                numberRank: names.count { $0.lexicographicallyPrecedes(number) },
                require: { layout.require($1, $0) },
                number: { $0.number(ofOwned: $1, Record.self) })
        }

        private func union<Union: HeapUnion>(_ type: Union.Type) -> Content {
            let cases = type.cases
            return .union(
                cases.enumerated().map { number, entry in
                    var label = JSONBuffer()
                    if cases.firstIndex(where: { $0.name == entry.name }) == number {
                        label.write(string: entry.name)
                    } else {
                        label.write(number)
                    }
                    let values = entry.payload.map {
                        (place: UInt64($0.offset), form: form(of: $0.valueType))
                    }
                    return CaseForm(name: entry.name, label: label.bytes, values: values)
                })
        }

        private func list<List: InspectableList & Persistable>(_ type: List.Type) -> Content {
            return .list({ Self.load(List.self, $0, $1) }, form(of: List.elementType))
        }

        private func entries<Entries: InspectableEntries & Persistable>(
            _ type: Entries.Type
        ) -> Content {
            let hasValues = Entries.valueType != NoValue.self
            return .entries(
                EntriesForm(
                    load: { Self.load(Entries.self, $0, $1) }, key: form(of: Entries.keyType),
                    value: hasValues ? form(of: Entries.valueType) : nil,
                    isObject: hasValues && Entries.keyType == String.self))
        }

        private func other<Value: Persistable>(_ type: Value.Type) -> Content {
            .other { access, place in
                StoredEncodable(access.load(place, as: Value.Stored.self), Value.self, access)
            }
        }

        private static func load<Value: Persistable>(
            _ type: Value.Type, _ access: HeapAccess, _ place: UInt64
        ) -> Value {
            Value.load(access.load(place, as: Value.Stored.self), from: access)
        }

        private static func label(_ name: String) -> [UInt8] {
            var label = JSONBuffer()
            label.write(string: name)
            label.write(UInt8(ascii: ":"))
            return label.bytes
        }
    }
}
