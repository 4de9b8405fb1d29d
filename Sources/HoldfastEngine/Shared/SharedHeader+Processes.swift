import HoldfastFormat
import HoldfastSystem

extension SharedHeader {
    /// The header for a file created by this process.
    init(identity: HeapIdentity, in processes: any ProcessDirectory) {
        let boot = processes.boot
        self.init(
            identity: identity, bootHigh: boot.high, bootLow: boot.low,
            namespaces: processes.namespaces)
    }
}
