#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
import HoldfastEngine

/// A value of Foundation that is stored as text.
protocol StoredAsText: StoredAsOther, PersistableValue where Base == String {
    /// The name of the type in descriptions.
    static var typeName: String { get }

    /// Nil if the text does not stand for a value.
    init?(storedText: String)

    /// Whether a short look shows that `init(storedText:)` makes a value of this text.
    static func isSurelyValid(_ utf8: UnsafeRawBufferPointer) -> Bool

    /// The text that `init(storedText:)` makes the value from.
    var storedText: String { get }
}

extension StoredAsText {
    public static func load(_ stored: StoredBytes, from access: HeapAccess) -> Self {
        let text = String.load(stored, from: access)
        guard let value = Self(storedText: text) else {
            Misuse.damaged(access, "\"\(text)\" is not \(typeName)")
        }
        return value
    }

    public static func store(_ value: Self, in access: HeapAccess) -> StoredBytes {
        String.store(value.storedText, in: access)
    }

    public static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        verification.completely { StoredBytes.verify(at: offset, isText: true, in: &$0) }
        guard verification.problemCount == before, !verification.wasCancelled else { return }
        let stored = verification.load(offset, as: StoredBytes.self)
        if stored.withBytes(verification.access, { Self.isSurelyValid($0) }) { return }
        let text = String.load(stored, from: verification.access)
        if Self(storedText: text) == nil { verification.report("\"\(text)\" is not \(typeName)") }
    }

    /// Encodes the text.
    public static func encode(
        _ stored: StoredBytes, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try String.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws
        -> StoredBytes
    {
        let text = try String(from: decoder)
        guard let value = Self(storedText: text) else {
            throw decoder.problem("\"\(text)\" is not \(typeName)")
        }
        return store(value, in: access)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription(typeName)
    }
}

/// A `URL` is stored as its absolute string. One with a base is resolved first.
extension URL: StoredAsText, Persistable, PersistableValue {
    public typealias Stored = StoredBytes
    @usableFromInline package typealias Base = String

    static var typeName: String { "URL" }

    init?(storedText: String) {
        // An empty URL exists, but not for this initialiser.
        let empty = storedText.isEmpty ? URLComponents().url : nil
        guard let value = empty ?? URL(string: storedText) else { return nil }
        self = value
    }

    static func isSurelyValid(_ utf8: UnsafeRawBufferPointer) -> Bool { false }

    var storedText: String { absoluteString }
}

/// A `Decimal` is stored as its digits, which is exact.
extension Decimal: StoredAsText, Persistable, PersistableValue {
    public typealias Stored = StoredBytes
    @usableFromInline package typealias Base = String

    static var typeName: String { "Decimal" }

    init?(storedText: String) {
        if storedText == "NaN" {
            self = .nan
        } else {
            // Foundation takes any text that begins with a number.
            guard Self.isNumber(storedText.utf8) else { return nil }
            self.init(string: storedText)
        }
    }

    /// Whether there are so few digits that no number of them is too large or too exact.
    static func isSurelyValid(_ utf8: UnsafeRawBufferPointer) -> Bool {
        utf8.count <= 30 && isNumber(utf8)
    }

    /// Whether the text is a sign or none, digits, and a point with digits or none.
    private static func isNumber(_ text: some Collection<UInt8>) -> Bool {
        var (digits, points) = (0, 0)
        for (index, byte) in text.enumerated() {
            switch byte {
            case UInt8(ascii: "0") ... UInt8(ascii: "9"): digits += 1
            case UInt8(ascii: "-") where index == 0: continue
            case UInt8(ascii: ".") where digits > 0 && points == 0: (digits, points) = (0, 1)
            default: return false
            }
        }
        return digits > 0
    }

    var storedText: String { description }
}
