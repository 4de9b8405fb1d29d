import HoldfastEngine
import HoldfastSystem

extension ConversionPlanner {
    /// Finds each old case among the new ones by its name, and converts the values of its payload
    /// in their order.
    mutating func union(_ type: any HeapUnion.Type, _ old: [TypeShape.Case]) throws
        -> FormConversion
    {
        try generic(type, old)
    }

    private mutating func generic<Union: HeapUnion>(
        _ type: Union.Type, _ old: [TypeShape.Case]
    ) throws -> FormConversion {
        let name = Union.storedName
        let new = Union.cases
        var cases: [CaseConversion] = []
        for entry in old {
            guard let number = new.firstIndex(where: { $0.name == entry.name }) else {
                throw SchemaChangeRefusal(
                    "the case \(name).\(entry.name) is in the file but not in this program, and only "
                        + "a declared step can say what becomes of its values")
            }
            guard entry.payload.count == new[number].payload.count else {
                throw SchemaChangeRefusal(
                    "the case \(name).\(entry.name) has \(entry.payload.count) values in the file "
                        + "and \(new[number].payload.count) in this program")
            }
            var parts: [CaseConversion.Part] = []
            var end = 0
            for (index, (shape, part)) in zip(entry.payload, new[number].payload).enumerated() {
                let form = try conversion(
                    from: shape, to: part.valueType,
                    at: "value \(index + 1) of the case \(name).\(entry.name)")
                let place = end.roundedUp(to: form.old.alignment)
                end = place + form.old.size
                parts.append(.init(form: form, oldOffset: place, newOffset: part.offset))
            }
            cases.append(
                CaseConversion(
                    number: UInt32(number), parts: parts, oldBytes: end,
                    newBytes: new[number].byteCount))
        }
        let layout = FormLayout(of: Union.self)
        return FormConversion(from: layout, to: layout, isRepeatable: false) {
            [cases] old, new, access in
            let stored = old.load(as: StoredUnion.self)
            guard stored.number < cases.count else {
                Misuse.damaged(access, "\(name) has no case \(stored.number)")
            }
            new.storeBytes(
                of: cases[Int(stored.number)].convert(stored, access), as: StoredUnion.self)
        }
    }
}

/// The conversion of one case.
private struct CaseConversion {
    struct Part {
        let form: FormConversion
        let oldOffset: Int
        let newOffset: Int
    }

    let number: UInt32
    let parts: [Part]
    let oldBytes: Int
    let newBytes: Int

    func convert(_ stored: StoredUnion, _ access: HeapAccess) -> StoredUnion {
        var result = StoredUnion(number: number, payload: stored.payload)
        // A payload of unchanged values keeps its block.
        if parts.allSatisfy(\.form.isMove) { return result }
        let source = access.address(stored.payload, oldBytes)
        result.payload = access.allocateZeros(byteCount: newBytes, alignment: 8)
        let target = access.address(result.payload, newBytes)
        DeepStack.run {
            for part in parts {
                part.form.step(source + part.oldOffset, target + part.newOffset, access)
            }
        }
        access.free(stored.payload, byteCount: oldBytes, alignment: 8)
        return result
    }
}
