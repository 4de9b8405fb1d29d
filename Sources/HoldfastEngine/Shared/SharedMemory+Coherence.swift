import HoldfastSystem
import MemoryMapping
import Synchronization

/// What a heap needs from its file system, tried out on the shared file, which lies beside the data
/// file: what one mapping stores, every other mapping shows, and what is written through the open
/// file, all mappings show, also private ones whose page has not been copied.
///
/// Local file systems have one page cache for all that, so nothing is tried there. A failure to see
/// a change is found if it is one of this machine; what another machine sees cannot be tried.
extension SharedMemory {
    /// Requires the opening lock, and a writable mapping.
    func isCoherent() throws(SystemError) -> Bool {
        let at = Word.probe.rawValue
        let others = try [MappingKind.shared, .privateCopy].map { (kind) throws(SystemError) in
            let other = try file.mappingErrors { () throws(MappingError) in
                try AddressReservation(
                    preferredBytes: Self.headerBytes, minimumBytes: Self.headerBytes)
            }
            try file.map(
                into: other, at: 0, fileOffset: 0, byteCount: Self.headerBytes, kind: kind)
            return other
        }
        func isSeen(_ value: UInt64) throws(SystemError) -> Bool {
            var bytes = [UInt8](repeating: 0, count: 8)
            guard try file.read(&bytes, at: at) == 8 else { return false }
            return bytes.withUnsafeBytes { $0.load(as: UInt64.self) } == value
                && self[.probe] == value
                && others.allSatisfy {
                    ($0.baseAddress + at).assumingMemoryBound(to: Atomic<UInt64>.self)
                        .pointee.load(ordering: .sequentiallyConsistent) == value
                }
        }
        // Every page has been read before it changes.
        guard try isSeen(self[.probe]) else { return false }
        for _ in 0 ..< 2 {
            let stored = UInt64.random(in: 1 ... .max)
            storeInOrder(stored, .probe)
            guard try isSeen(stored) else { return false }
            let written = ~stored
            try withUnsafeBytes(of: written) { (bytes) throws(SystemError) in
                try file.write(bytes, at: at)
            }
            guard try isSeen(written) else { return false }
        }
        return true
    }
}
