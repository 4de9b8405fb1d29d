@_spi(_Unicode) import Swift

/// The normal form by which strings are keys: Unicode's normal form C (UAX #15) as of Unicode 15.0,
/// whatever version the standard library knows.
///
/// Scalars that were assigned later are kept as they are, and combine with nothing. The stability
/// policy of Unicode fixes the normal forms of all others, so a key has the same hash and place
/// with every toolchain. 15.0 is the version of the oldest standard library that this package runs
/// with.
enum KeyNormalForm {
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        let string = String(decoding: bytes, as: UTF8.self)
        var normal = String.UnicodeScalarView()
        var rest = string.unicodeScalars[...]
        while let later = rest.firstIndex(where: isLater) {
            for scalar in String(rest[..<later])._nfc { normal.append(scalar) }
            normal.append(rest[later])
            rest = rest[rest.index(after: later)...]
        }
        for scalar in String(rest)._nfc { normal.append(scalar) }
        return String(normal)
    }

    /// Whether a scalar was not assigned in Unicode 15.0.
    private static func isLater(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Latin; Han, Hangul syllables: fully assigned since then, and most of what is not ASCII.
        case 0 ..< 0x300, 0x3400 ... 0x9fff, 0xac00 ... 0xd7a3: false
        default: scalar.properties.age.map { $0.major >= 15 && $0 != (15, 0) } ?? true
        }
    }
}
