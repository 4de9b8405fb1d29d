import Holdfast

/// Finds names that occur twice in one object of a JSON text. JSON decoders ignore this silently
/// and lose one of the values.
enum RepeatedNames {
    private struct Level {
        var isObject: Bool
        var awaitsName: Bool
        var names: Set<String> = []
    }

    /// Returns the first such name, in its canonical form, by which strings are compared, or nil if
    /// there is none. Accepts any input, JSON or not. O(length).
    static func first(in text: some Collection<UInt8>) -> String? {
        // Most lines contain no object.
        guard text.contains(UInt8(ascii: "{")) else { return nil }
        var levels: [Level] = []
        var name: [UInt8]?
        var isInText = false
        var isEscaped = false
        for byte in text {
            if isInText {
                if byte == UInt8(ascii: "\""), !isEscaped {
                    isInText = false
                    guard let found = name else { continue }
                    name = nil
                    let unescaped = unescaped(found)
                    if !levels[levels.count - 1].names.insert(unescaped).inserted {
                        return unescaped
                    }
                } else {
                    name?.append(byte)
                    isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInText = true
                isEscaped = false
                if let level = levels.last, level.isObject, level.awaitsName { name = [] }
            case UInt8(ascii: "{"): levels.append(Level(isObject: true, awaitsName: true))
            case UInt8(ascii: "["): levels.append(Level(isObject: false, awaitsName: false))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
            case UInt8(ascii: ":"):
                if !levels.isEmpty { levels[levels.count - 1].awaitsName = false }
            case UInt8(ascii: ","):
                if !levels.isEmpty { levels[levels.count - 1].awaitsName = true }
            default: break
            }
        }
        return nil
    }

    /// Returns a name without JSON's escapes (RFC 8259, section 7). Invalid escapes are left for
    /// the decoder to reject.
    private static func unescaped(_ name: [UInt8]) -> String {
        guard name.contains(UInt8(ascii: "\\")) else {
            return String(decoding: name, as: UTF8.self)
        }
        var units: [UInt16] = []
        var rest = Array(String(decoding: name, as: UTF8.self).utf16)[...]
        while let unit = rest.popFirst() {
            guard unit == 0x5c, let escape = rest.popFirst() else {
                units.append(unit)
                continue
            }
            switch Unicode.Scalar(escape) {
            case "b": units.append(8)
            case "f": units.append(12)
            case "n": units.append(10)
            case "r": units.append(13)
            case "t": units.append(9)
            case "u":
                units.append(
                    UInt16(String(decoding: rest.prefix(4), as: UTF16.self), radix: 16) ?? escape)
                rest = rest.dropFirst(4)
            default: units.append(escape)
            }
        }
        return String(decoding: units, as: UTF16.self)
    }
}
