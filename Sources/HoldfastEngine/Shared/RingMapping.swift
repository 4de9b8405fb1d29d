import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The log's ring, mapped twice in succession, so that every record is contiguous in memory
/// wherever it begins.
final class RingMapping: @unchecked Sendable {
    /// A ring's capacity is a multiple of this, which is a multiple of every supported page size.
    static let granule = LogHeader.capacityGranule
    let capacity: Int
    private let reservation: AddressReservation
    private let base: UnsafeMutableRawPointer

    init(file: any DiskFile, capacity: Int, isWritable: Bool) throws(SystemError) {
        guard capacity > 0, capacity % Self.granule == 0,
            try file.size() >= LogLayout.ringOffset + capacity
        else {
            // The file was truncated, or the words that describe it were damaged.
            throw SystemError(.map, file.path, .ioError)
        }
        guard LogLayout.ringOffset % SystemPage.size == 0 else {
            throw SystemError(.map, file.path, .invalidArgument)
        }
        self.capacity = capacity
        reservation = try file.mappingErrors { () throws(MappingError) in
            try AddressReservation(preferredBytes: capacity * 2, minimumBytes: capacity * 2)
        }
        for half in 0 ..< 2 {
            try file.map(
                into: reservation, at: half * capacity, fileOffset: LogLayout.ringOffset,
                byteCount: capacity,
                kind: isWritable ? .shared : .readOnly)
        }
        reservation.guardAgainstFaults()
        base = reservation.baseAddress
    }

    /// Maps the ring of a file that no process writes to, for reading. Bytes beyond the end of the
    /// file read as zeros.
    init(reading file: any DiskFile, capacity: Int) throws(SystemError) {
        self.capacity = capacity
        let present = min(
            capacity, SystemPage.roundUp(max(0, try file.size() - LogLayout.ringOffset)))
        reservation = try file.mappingErrors { () throws(MappingError) in
            let reservation = try AddressReservation(
                preferredBytes: capacity * 2, minimumBytes: capacity * 2)
            for half in 0 ..< 2 where present < capacity {
                try reservation.mapAnonymous(
                    byteCount: capacity - present, at: half * capacity + present)
            }
            return reservation
        }
        for half in 0 ..< 2 where present > 0 {
            try file.map(
                into: reservation, at: half * capacity, fileOffset: LogLayout.ringOffset,
                byteCount: present, kind: .readOnly)
        }
        reservation.guardAgainstFaults()
        base = reservation.baseAddress
    }

    /// The address of the byte at `position`; `capacity` bytes from there are accessible.
    @inline(__always)
    func address(_ position: UInt64) -> UnsafeMutableRawPointer {
        base + Int(position % UInt64(capacity))
    }

    /// Call before bytes are read or written; see `Interleaving`.
    @inline(__always)
    func step(_ effect: Interleaving.Effect, at position: UInt64, byteCount: Int) {
        Interleaving.step(
            effect,
            .init(ringAt: Int(position % UInt64(capacity)), byteCount: byteCount))
    }

    var hasFault: Bool { reservation.firstFault != nil }

    /// The capacity of a ring for `bytes` bytes.
    static func roundedCapacity(_ bytes: Int) -> Int { (bytes + granule - 1) / granule * granule }
}
