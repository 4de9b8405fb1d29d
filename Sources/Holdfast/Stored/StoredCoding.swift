import HoldfastEngine
import HoldfastSystem

// Stored forms as what Swift's encoders and decoders take, so that containers of any kind nest.

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

/// A stored form that has been made of what was decoded. The transaction is found in the decoder's
/// user information.
package struct StoredDecodable<Value: Persistable>: Decodable {
    package let stored: Value.Stored

    package init(from decoder: any Decoder) throws {
        let access = try Exchange.access(decoder)
        stored = try DeepStack.run { try Value.decode(from: decoder, in: access) }
    }
}

/// A name in an encoded object that is only known at run time.
package struct Name: CodingKey {
    package let stringValue: String
    package var intValue: Int? { nil }

    package init(_ name: String) { stringValue = name }
    package init?(stringValue: String) { self.init(stringValue) }
    package init?(intValue: Int) { return nil }
}

/// Something that cannot be exported or imported, in words that complete "cannot be exported: …".
package struct ExchangeProblem: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What exporting and importing agree on.
package enum Exchange {
    /// The version of the form of the lines.
    package static let version = 1
    /// Levels of arrays and objects; JSON decoders end at 512.
    package static let maximumDepth = 400
    /// The name under which a record that a reference leads to, but that something else owns, tells
    /// its number; no field is called so.
    package static let numberName = Name("#")
    /// The most bytes of text, or of other bytes, in a line of their own.
    package static let textPiece = 16 << 10
    package static let bytesPiece = 48 << 10

    /// Where encoders and decoders find the export or import that they belong to.
    package static let userInfoKey = CodingUserInfoKey(rawValue: "holdfast.exchange")!

    /// The transaction that an import makes stored forms in.
    package static func access(_ decoder: any Decoder) throws -> HeapAccess {
        guard let found = decoder.userInfo[userInfoKey] as? any ImportContext else {
            throw ExchangeProblem("values of a heap are decoded by an import only")
        }
        return found.access
    }
}

/// What an import hands to decoders in their user information.
package protocol ImportContext: AnyObject {
    /// The transaction that stored forms are made in.
    var access: HeapAccess { get }
}

extension Decoder {
    /// An error that says where in the line it is.
    package func problem(_ text: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
    }

    /// The names of an object; throws if there are others than `names`.
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
                in: self, debugDescription: "there are more elements than belong here")
        }
    }
}
