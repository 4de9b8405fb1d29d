import HoldfastEngine
import HoldfastSystem

// Stored forms as what Swift's encoders and decoders take, so that containers of any kind nest.

/// A stored form that can be encoded.
struct StoredEncodable<Value: Persistable>: Encodable {
    let stored: Value.Stored
    let access: HeapAccess

    init(_ stored: Value.Stored, _ type: Value.Type, _ access: HeapAccess) {
        self.stored = stored
        self.access = access
    }

    func encode(to encoder: any Encoder) throws {
        guard encoder.codingPath.count < Exchange.maximumDepth else {
            throw ExchangeProblem("it is nested more than \(Exchange.maximumDepth) levels deep")
        }
        try DeepStack.run { try Value.encode(stored, from: access, to: encoder) }
    }
}

/// A stored form that has been made of what was decoded. The transaction is found in the decoder's
/// user information.
struct StoredDecodable<Value: Persistable>: Decodable {
    let stored: Value.Stored

    init(from decoder: any Decoder) throws {
        let access = try Exchange.importing(decoder).access
        stored = try DeepStack.run { try Value.decode(from: decoder, in: access) }
    }
}

/// A name in an encoded object that is only known at run time.
struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { return nil }
}

/// Something that cannot be exported or imported, in words that complete "cannot be exported: …".
struct ExchangeProblem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What exporting and importing agree on.
enum Exchange {
    /// The version of the form of the lines.
    static let version = 1
    /// Levels of arrays and objects; JSON decoders end at 512.
    static let maximumDepth = 400
    /// The name under which a record that a reference leads to, but that something else owns, tells
    /// its number; no field is called so.
    static let numberName = Name("#")
    /// The most bytes of text, or of other bytes, in a line of their own.
    static let textPiece = 16 << 10
    static let bytesPiece = 48 << 10

    /// Where encoders and decoders find the export or import that they belong to.
    static let userInfoKey = CodingUserInfoKey(rawValue: "holdfast.exchange")!

    static func importing(_ decoder: any Decoder) throws -> ImportedRecords {
        guard let found = decoder.userInfo[userInfoKey] as? ImportedRecords else {
            throw ExchangeProblem("values of a heap are decoded by an import only")
        }
        return found
    }

    static func exporting(_ encoder: any Encoder) -> ExportedRecords? {
        encoder.userInfo[userInfoKey] as? ExportedRecords
    }
}

extension Decoder {
    /// An error that says where in the line it is.
    func problem(_ text: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
    }

    /// The names of an object; throws if there are others than `names`.
    func container(of names: [String], orNumber: Bool = false) throws -> KeyedDecodingContainer<
        Name
    > {
        let container = try container(keyedBy: Name.self)
        for key in container.allKeys where !names.contains(key.stringValue) {
            if orNumber, key.stringValue == Exchange.numberName.stringValue { continue }
            throw problem("there is no field \(key.stringValue)")
        }
        return container
    }
}

extension UnkeyedDecodingContainer {
    /// Throws unless all elements have been decoded.
    func requireEnd() throws {
        if !isAtEnd {
            throw DecodingError.dataCorruptedError(
                in: self, debugDescription: "there are more elements than belong here")
        }
    }
}
