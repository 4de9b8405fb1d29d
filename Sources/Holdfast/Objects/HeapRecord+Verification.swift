import HoldfastEngine

extension HeapRecord {
    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard verification.claim(recordAt: offset, Self.self) else { return }
        verifyFields(at: offset, in: &verification)
    }

    public static var recordBlock: RecordBlock {
        let layout = RecordLayout.of(Self.self)
        return RecordBlock(byteCount: layout.byteCount, tag: layout.tag)
    }

    public static func verifyFields(at offset: UInt64, in verification: inout some BlockVerifier) {
        verifyEachField(at: offset, in: &verification)
    }

    /// Verifies the fields, or only those that `isChosen` names.
    static func verifyEachField(
        at offset: UInt64, in verification: inout some BlockVerifier,
        where isChosen: @escaping (_ name: String) -> Bool = { _ in true }
    ) {
        guard verification.enterLevel() else {
            return verification.postpone { verifyEachField(at: offset, in: &$0, where: isChosen) }
        }
        defer { verification.leaveLevel() }
        guard verification.partToVisit().hasContents else { return }
        for field in RecordLayout.of(Self.self).fields
        where !field.isAlwaysValid && isChosen(field.name) {
            verification.within(.field(field.name)) {
                field.valueType.verify(at: offset + UInt64(field.offset), in: &$0)
            }
        }
    }
}

// References are followed after everything else, because only then is it known which records have
// an owner. This also prevents a deep recursion along a chain of references.

extension HeapRef {
    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        verification.follow(
            verification.load(place, as: UInt64.self), to: Target.self, shares: false)
    }
}

extension SharedRef {
    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        verification.follow(
            verification.load(place, as: UInt64.self), to: Target.self, shares: true)
    }
}

extension HeapUnion {
    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let stored = verification.load(place, as: StoredUnion.self)
        let cases = UnionLayout.cases(of: Self.self)
        guard stored.number < cases.count else {
            return verification.report(
                "\(Self.self) has no case \(stored.number): this program lists \(cases.count) cases"
            )
        }
        let entry = cases[Int(stored.number)]
        guard entry.byteCount > 0 else { return }
        guard
            verification.claim(
                stored.payload, byteCount: entry.byteCount, alignment: 8,
                "the payload of \(entry.name)")
        else {
            return
        }
        verify(entry.payload, at: stored.payload, in: &verification)
    }

    private static func verify(
        _ payload: [UnionPayloadPart], at block: UInt64,
        in verification: inout some BlockVerifier
    ) {
        guard verification.enterLevel() else {
            return verification.postpone { verify(payload, at: block, in: &$0) }
        }
        defer { verification.leaveLevel() }
        guard verification.partToVisit().hasContents else { return }
        for number in payload.indices {
            let part = payload[number]
            verification.within(.element(number)) {
                part.valueType.verify(at: block + UInt64(part.offset), in: &$0)
            }
        }
    }
}
