import HoldfastEngine
import HoldfastSystem

// Stored forms as types that Swift's encoders and decoders accept, so that containers of all kinds
// nest.

/// A stored form that can be encoded.
package struct StoredEncodable<Value: Persistable>: Encodable {
    package let stored: Value.Stored
    package let access: HeapAccess

    package init(_ stored: Value.Stored, _ type: Value.Type, _ access: HeapAccess) {
        self.stored = stored
        self.access = access
    }

    package func encode(to encoder: any Encoder) throws {
        guard encoder.codingPath.count < Exchange.maximumDepth else {
            throw ExchangeProblem("it is nested more than \(Exchange.maximumDepth) levels deep")
        }
        try DeepStack.run { try Value.encode(stored, from: access, to: encoder) }
    }
}

/// A stored form that has been created from decoded input. The transaction is found in the
/// decoder's user information.
package struct StoredDecodable<Value: Persistable>: Decodable {
    package let stored: Value.Stored

    package init(from decoder: any Decoder) throws {
        let access = try Exchange.access(decoder)
        stored = try DeepStack.run { try Value.decode(from: decoder, in: access) }
    }
}

/// A key of an encoded object that is only known at run time.
package struct Name: CodingKey {
    package let stringValue: String
    package var intValue: Int? { nil }

    package init(_ name: String) { stringValue = name }
    package init?(stringValue: String) { self.init(stringValue) }
    package init?(intValue: Int) { return nil }
}

/// A value that cannot be exported or imported. The description completes the sentence "cannot be
/// exported: …".
package struct ExchangeProblem: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The constants that exporting and importing share.
package enum Exchange {
    /// The version of the format of the lines.
    package static let version = 1
    /// The maximum number of levels of arrays and objects. JSON decoders stop at 512.
    package static let maximumDepth = 400
    /// The key under which a record that a reference leads to, but that has another owner, states
    /// its number. No field has this name.
    package static let numberName = Name("#")
    /// The maximum number of bytes of text, or of other bytes, in a line of its own.
    package static let textPiece = 16 << 10
    package static let bytesPiece = 48 << 10

    /// The key in the user information under which encoders and decoders find their export or
    /// import.
    package static let userInfoKey = CodingUserInfoKey(rawValue: "holdfast.exchange")!

    /// Returns the transaction in which an import creates stored forms.
    package static func access(_ decoder: any Decoder) throws -> HeapAccess {
        guard let found = decoder.userInfo[userInfoKey] as? any ImportContext else {
            throw ExchangeProblem("values of a heap can only be decoded by an import")
        }
        return found.access
    }
}

/// The object that an import passes to decoders in their user information.
package protocol ImportContext: AnyObject {
    /// The transaction in which stored forms are created.
    var access: HeapAccess { get }
}

extension Decoder {
    /// Returns an error that states its place in the line.
    package func problem(_ text: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
    }

    /// Returns the container of an object. Throws if it has keys other than `names`.
    package func container(of names: [String], orNumber: Bool = false) throws
        -> KeyedDecodingContainer<
            Name
        >
    {
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
    package func requireEnd() throws {
        if !isAtEnd {
            throw DecodingError.dataCorruptedError(
                in: self, debugDescription: "there are too many elements")
        }
    }
}
