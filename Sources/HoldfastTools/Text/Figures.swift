/// Formats numbers for people.
package enum Figures {
    /// `1,234,567`.
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "-" + text : text
    }

    /// `1 root`, `2 roots`, `no roots`. `plural` is for nouns with an irregular plural.
    package static func count(_ number: some BinaryInteger, _ noun: String, _ plural: String? = nil)
        -> String
    {
        switch number {
        case 0: "no \(plural ?? noun + "s")"
        case 1: "1 \(noun)"
        default: "\(count(number)) \(plural ?? noun + "s")"
        }
    }

    /// `0 bytes`, `512 bytes`, `1.5 KiB`, `64 MiB`: at most three digits, in powers of 1024.
    package static func bytes(_ number: some BinaryInteger) -> String {
        if number.magnitude < 1024 { return number == 1 ? "1 byte" : "\(number) bytes" }
        var value = Double(number)
        for unit in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
            value /= 1024
            if value.magnitude < 999.5 || unit == "PiB" { return "\(threeDigits(value)) \(unit)" }
        }
        return "\(number) bytes"
    }

    /// `12.5%`. `0%` and `100%` only if the value is exact.
    package static func percent(_ part: Double) -> String {
        let value = part * 100
        switch value {
        case ...0: return "0%"
        case ..<0.1: return "under 0.1%"
        case 100...: return "100%"
        case ..<99.9: return "\(decimal(value, value < 10 ? 1 : 0))%"
        default: return "over 99.9%"
        }
    }

    /// `850 ns`, `12.3 us`, `4.56 ms`, `7.8 s`, `3 min 5 s`, `2 h 10 min`, `3 days`.
    package static func duration(seconds: Double) -> String {
        switch seconds {
        case ..<1e-6: return "\(threeDigits(seconds * 1e9)) ns"
        case ..<1e-3: return "\(threeDigits(seconds * 1e6)) us"
        case ..<0.9995: return "\(threeDigits(seconds * 1e3)) ms"
        case ..<9.95: return "\(decimal(seconds, 1)) s"
        case ..<59.5: return "\(Int(seconds.rounded())) s"
        case ..<3600:
            let whole = Int(seconds.rounded())
            return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s"
        case ..<86400:
            let minutes = Int((seconds / 60).rounded())
            return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
        default:
            return count(Int(seconds / 86400), "day")
        }
    }

    /// A rate or an estimate, without insignificant digits: `12`, `1,230`, `4,560,000`.
    package static func rounded(_ value: Double) -> String {
        guard value.magnitude >= 1000 else {
            return value.magnitude < 10 && value != value.rounded()
                ? decimal(value, 1) : "\(Int(value.rounded()))"
        }
        var unit = 1.0
        while value.magnitude / unit >= 1000 { unit *= 10 }
        return count(Int((value / unit).rounded() * unit))
    }

    /// `1.5`, `23.4`, `567`: three digits, without trailing zeros after the decimal point.
    private static func threeDigits(_ value: Double) -> String {
        let text = decimal(value, value.magnitude < 9.995 ? 2 : value.magnitude < 99.95 ? 1 : 0)
        guard text.contains(".") else { return text }
        var trimmed = Substring(text)
        while trimmed.last == "0" { trimmed.removeLast() }
        if trimmed.last == "." { trimmed.removeLast() }
        return String(trimmed)
    }

    /// Formats a number with a fixed number of decimals.
    package static func decimal(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0 ..< digits { scale *= 10 }
        let scaled = Int((value.magnitude * scale).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + "\(scaled)" }
        let fraction = String(scaled % Int(scale))
        return
            "\(sign)\(scaled / Int(scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    /// Parses a size: `4096`, `64K`, `10MiB`, `1.5G`, in powers of 1024. Nil if it is not valid or
    /// too large.
    package static func parseBytes(_ text: String) -> Int? {
        var number = text.lowercased()[...]
        if number.hasSuffix("ib") {
            number.removeLast(2)
        } else if number.hasSuffix("b") {
            number.removeLast()
        }
        var scale = 1.0
        if let last = number.last, let power = "kmgt".firstIndex(of: last) {
            for _ in 0 ... "kmgt".distance(from: "kmgt".startIndex, to: power) { scale *= 1024 }
            number.removeLast()
        }
        while number.last == " " { number.removeLast() }
        guard !number.isEmpty, number.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }),
            let value = Double(number)
        else {
            return nil
        }
        let bytes = value * scale
        return bytes < 1e18 ? Int(bytes.rounded()) : nil
    }
}
