/// Identifies a boot of the machine. Memory that was mapped before it is gone.
public struct BootID: Hashable, Sendable {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Stands for a boot that cannot be identified.
    public static let unknown = BootID(high: 0, low: 0)
}
