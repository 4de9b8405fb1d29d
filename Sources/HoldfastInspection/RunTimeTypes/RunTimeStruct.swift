import Holdfast
import HoldfastEngine

/// A plain struct, or opaque bytes, created at run time from a heap's description.
struct RunTimeStruct<Bytes: BytesOfSize, Number: RunTimeNumber>: HeapStruct {
    var bytes: Bytes

    private static var definition: RunTimeDefinition { .of(Number.number) }

    private static var layout: PlainLayout {
        guard case .plain(let layout) = definition.content else {
            fatalError("Holdfast: \(definition.text) is not a plain struct.")
        }
        return layout
    }

    static var storedName: String { definition.shape.name }

    static func describe() throws(HeapError) -> TypeDescription { TypeDescription(definition.text) }

    static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        layout.verify(at: offset, in: &verification)
    }

    static func encode(_ stored: Self, from access: HeapAccess, to encoder: any Encoder) throws {
        unsafe try withUnsafeTemporaryAllocation(
            byteCount: max(MemoryLayout<Self>.size, 1), alignment: 16
        ) { buffer in
            unsafe buffer.storeBytes(of: stored, as: Self.self)
            unsafe try layout.encode(buffer.baseAddress!, to: encoder)
        }
    }

    static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Self {
        unsafe try withUnsafeTemporaryAllocation(
            byteCount: max(MemoryLayout<Self>.size, 1), alignment: 16
        ) { buffer in
            unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe try layout.decode(into: buffer.baseAddress!, from: decoder)
            return unsafe buffer.load(as: Self.self)
        }
    }
}

extension RunTimeStruct: PlainlyLaidOut {
    static var plainLayout: PlainLayout { layout }
}

extension RunTimeStruct: DescribedStruct {
    static var acceptsAllPatterns: Bool { layout.acceptsAll }
}

/// A type whose bytes are read with a layout from a description.
protocol PlainlyLaidOut: SendableMetatype {
    static var plainLayout: PlainLayout { get }
}
