import HoldfastEngine
import HoldfastSystem

/// An enum with associated values that can be stored in a heap.
///
/// Swift cannot decompose and rebuild such an enum generically, so the enum lists its cases. The
/// macro ``Persistable()`` writes the list; by hand it is:
///
///     enum Payment: HeapUnion {
///         case cash
///         case card(String)
///         case transfer(iban: String, on: Date)
///
///         static let cases = [
///             UnionCase("cash", .cash),
///             UnionCase("card", Payment.card) {
///                 if case .card(let number) = $0 { number } else { nil }
///             },
///             UnionCase("transfer", Payment.transfer) {
///                 if case .transfer(let iban, let day) = $0 { (iban, day) } else { nil }
///             },
///         ]
///     }
///
/// The stored form is the number of the case in that list, with the payload in a block of its own.
/// Cases may be added at the end of the list after a migration that declares it. Storing a value
/// that no listed case accepts traps with a message.
public protocol HeapUnion: PersistableValue, PersistableNamed where Stored == StoredUnion {
    /// All cases. Their order is part of the stored form.
    static var cases: [UnionCase<Self>] { get }
}

/// The 16-byte stored form: the case, and the place of its payload.
@frozen
public struct StoredUnion: BitwiseCopyable, Sendable {
    /// The number of the case in the list.
    package var number: UInt32
    var reserved: UInt32 = 0
    /// The offset of the payload's block, or 0 if there is no payload.
    package var payload: UInt64
}

/// A value of a case's payload. Not generic, so that walks over unknown types need not look the
/// type up for each value.
package struct UnionPayloadPart: Sendable {
    package let offset: Int
    package let valueType: any Persistable.Type
}

/// A case of a ``HeapUnion``: its name, and the functions that embed and extract its
/// payload.
public struct UnionCase<Union: SendableMetatype>: Sendable {
    package let name: String
    package let payload: [PayloadPart]
    /// The size of the payload's block in bytes, or 0 if there is none.
    package let byteCount: Int
    /// Stores the payload of a value in a new block and returns the block's offset, or nil if the
    /// value is of another case.
    let store: @Sendable (Union, HeapAccess) -> UInt64?
    let load: @Sendable (UInt64, HeapAccess) -> Union

    package typealias PayloadPart = UnionPayloadPart

    /// Creates a case without a payload.
    public init(_ name: String, _ value: @autoclosure @escaping @Sendable () -> Union)
    where Union: Equatable {
        self.init(name, value) { $0 == value() }
    }

    /// Creates a case without a payload, for an enum that is not `Equatable`. `matches` returns
    /// whether a value is of this case.
    public init(
        _ name: String, _ value: @escaping @Sendable () -> Union,
        if matches: @escaping @Sendable (Union) -> Bool
    ) {
        self.name = name
        payload = []
        byteCount = 0
        store = { union, _ in matches(union) ? 0 : nil }
        load = { _, _ in value() }
    }

    /// Creates a case with a payload of one or more values.
    ///
    /// `embed` creates the case from the values; the name of the case is such a function. `extract`
    /// returns them, or nil for another case.
    public init<each Part: Persistable>(
        _ name: String, _ embed: @escaping @Sendable (repeat each Part) -> Union,
        _ extract: @escaping @Sendable (Union) -> (repeat each Part)?
    ) {
        self.name = name
        var types: [any Persistable.Type] = []
        for type in repeat (each Part).self { types.append(type) }
        let (parts, byteCount) = Self.parts(of: types)
        payload = parts
        self.byteCount = byteCount
        store = { union, access in
            guard let values = extract(union) else { return nil }
            let block = access.allocateZeros(byteCount: byteCount, alignment: 8)
            var end = 0
            for value in repeat each values { Self.store(value, block, &end, access) }
            return block
        }
        load = { block, access in
            var end = 0
            return embed(repeat Self.load((each Part).self, block, &end, access))
        }
    }

    /// Creates a case with a payload whose types are only known at run time.
    package init(
        _ name: String, payload types: [any Persistable.Type],
        store: @escaping @Sendable (Union, HeapAccess) -> UInt64?,
        load: @escaping @Sendable (UInt64, HeapAccess) -> Union
    ) {
        self.name = name
        (payload, byteCount) = Self.parts(of: types)
        self.store = store
        self.load = load
    }

    /// Returns the places of a payload's values in its block, and the size of the block in bytes.
    package static func parts(of types: [any Persistable.Type]) -> ([PayloadPart], byteCount: Int) {
        var parts: [PayloadPart] = []
        var end = 0
        for type in types { add(type, &parts, &end) }
        return (parts, end)
    }

    private static func add<Part: Persistable>(
        _ type: Part.Type, _ parts: inout [PayloadPart], _ end: inout Int
    ) {
        parts.append(PayloadPart(offset: place(type, &end), valueType: type))
    }

    /// Returns the place of the next part and advances `end` past it.
    private static func place<Part: Persistable>(_ type: Part.Type, _ end: inout Int) -> Int {
        let offset = end.roundedUp(to: MemoryLayout<Part.Stored>.alignment)
        end = offset + MemoryLayout<Part.Stored>.size
        return offset
    }

    private static func store<Part: Persistable>(
        _ value: Part, _ block: UInt64, _ end: inout Int, _ access: HeapAccess
    ) {
        access.store(
            Part.store(value, in: access), of: Part.self,
            at: block + UInt64(place(Part.self, &end)))
    }

    private static func load<Part: Persistable>(
        _ type: Part.Type, _ block: UInt64, _ end: inout Int, _ access: HeapAccess
    )
        -> Part
    {
        Part.load(
            access.load(block + UInt64(place(type, &end)), as: Part.Stored.self), from: access)
    }
}

extension UnionCase {
    /// Frees everything that the payload owns, and its block.
    fileprivate func destroyPayload(at block: UInt64, _ access: HeapAccess) {
        withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { bytes in
            bytes.copyMemory(
                from: UnsafeRawBufferPointer(
                    start: access.address(block, byteCount), count: byteCount))
            // The block first, so that a cycle in a damaged heap ends here.
            access.free(block, byteCount: byteCount, alignment: 8)
            DeepStack.run {
                for part in payload { part.destroy(UnsafeRawBufferPointer(bytes), access) }
            }
        }
    }
}

extension UnionPayloadPart {
    func destroy(_ payload: UnsafeRawBufferPointer, _ access: HeapAccess) {
        destroy(valueType, payload, access)
    }

    private func destroy<T: Persistable>(
        _ type: T.Type, _ payload: UnsafeRawBufferPointer, _ access: HeapAccess
    ) {
        guard T.ownsMemory else { return }
        T.destroy(payload.loadUnaligned(fromByteOffset: offset, as: T.Stored.self), in: access)
    }
}

extension HeapUnion {
    private static func listed(_ stored: StoredUnion, _ access: HeapAccess) -> UnionCase<Self> {
        guard stored.number < cases.count else {
            Misuse.damaged(
                access,
                "\(Self.self) has no case \(stored.number): this program lists \(cases.count) cases"
            )
        }
        return cases[Int(stored.number)]
    }

    public static func load(_ stored: StoredUnion, from access: HeapAccess) -> Self {
        let entry = listed(stored, access)
        return DeepStack.run { entry.load(stored.payload, access) }
    }

    public static func store(_ value: Self, in access: HeapAccess) -> StoredUnion {
        let found: StoredUnion? = DeepStack.run {
            for (number, entry) in cases.enumerated() {
                guard let payload = entry.store(value, access) else { continue }
                return StoredUnion(number: UInt32(number), payload: payload)
            }
            return nil
        }
        if let found { return found }
        Misuse.trap(
            "\(Self.self).cases does not list the case of \(value)",
            in: MisuseScene("\(Self.self).cases"), "Add it.")
    }

    public static func destroy(_ stored: StoredUnion, in access: HeapAccess) {
        let entry = listed(stored, access)
        guard entry.byteCount > 0 else { return }
        guard access.enterLevel() else {
            return access.postpone(following: access) {
                entry.destroyPayload(at: stored.payload, access)
            }
        }
        entry.destroyPayload(at: stored.payload, access)
        access.leaveLevel()
    }

    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeNotes.collected?.add(payloadsOf: Self.self, named: storedName)
        return try TypeDescription.describing(Self.self) { () throws(HeapError) in
            var texts: [String] = []
            for entry in cases {
                var parts: [String] = []
                for part in entry.payload {
                    parts.append(try TypeDescription.text(of: part.valueType))
                }
                texts.append("\(entry.name): (\(parts.joined(separator: ", ")))")
            }
            return TypeDescription("union \(storedName){\(texts.joined(separator: ", "))}")
        }
    }
}
