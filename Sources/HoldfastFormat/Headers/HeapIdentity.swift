/// 128 random bits that identify a heap permanently. Its log carries the same bits, so that no heap
/// is opened with another heap's log.
public struct HeapIdentity: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func random() -> HeapIdentity {
        HeapIdentity(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))
    }

    /// 32 hexadecimal digits.
    public var description: String {
        [high, low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
