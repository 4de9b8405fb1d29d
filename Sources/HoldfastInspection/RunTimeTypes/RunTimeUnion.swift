import Holdfast
import HoldfastEngine
import HoldfastSystem

/// An enum with payloads, created at run time from a heap's description. Its value is the place of
/// a payload; storing it copies the payload.
struct RunTimeUnion<Number: RunTimeNumber>: HeapUnion {
    private let number: Int
    private let payload: UInt64
    private let access: HeapAccess

    private static var definition: RunTimeDefinition { .of(Number.number) }

    static var storedName: String { definition.shape.name }

    static func describe() throws(HeapError) -> TypeDescription { TypeDescription(definition.text) }

    static var cases: [UnionCase<Self>] { UnionCase<Self>.list(makeCases) }

    private static func makeCases() -> [UnionCase<Self>] {
        guard case .union(let parts) = definition.content else {
            fatalError("Holdfast: \(definition.text) is not a union.")
        }
        return parts.enumerated().map { number, part in
            UnionCase(
                part.name, payload: part.payload,
                store: { union, access in
                    union.number == number ? union.copyPayload(part.payload, to: access) : nil
                },
                load: { RunTimeUnion(number: number, payload: $0, access: $1) })
        }
    }

    private func copyPayload(_ types: [any Persistable.Type], to target: HeapAccess) -> UInt64 {
        let (parts, byteCount) = UnionCase<Self>.parts(of: types)
        guard byteCount > 0 else { return 0 }
        let block = target.allocateZeros(byteCount: byteCount, alignment: 8)
        guard target.enterLevel() else {
            target.postpone(following: access) { copy(parts, to: block, of: target) }
            return block
        }
        copy(parts, to: block, of: target)
        target.leaveLevel()
        return block
    }

    /// Fills a block of zeros.
    private func copy(
        _ parts: [UnionCase<Self>.PayloadPart], to block: UInt64, of target: HeapAccess
    ) {
        DeepStack.run {
            for part in parts {
                let offset = UInt64(part.offset)
                target.copy(part.valueType, from: payload + offset, of: access, to: block + offset)
            }
        }
    }
}
