import HoldfastFormat
import HoldfastSystem

extension SharedHeader {
    /// The header for a file created by this process.
    init(identity: HeapIdentity, of process: any RunningProcess) {
        let boot = process.boot
        self.init(identity: identity, bootHigh: boot.high, bootLow: boot.low)
    }
}
