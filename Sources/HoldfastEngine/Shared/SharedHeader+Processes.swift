import HoldfastFormat
import HoldfastSystem

extension SharedHeader {
    /// The header that this process writes.
    init(identity: HeapIdentity, in processes: any ProcessDirectory) {
        let boot = processes.boot
        self.init(
            identity: identity, bootHigh: boot.high, bootLow: boot.low,
            namespaces: processes.namespaces)
    }
}
