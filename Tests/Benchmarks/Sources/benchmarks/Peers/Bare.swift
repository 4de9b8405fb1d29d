#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A file, `pwrite` and `fdatasync`: what the disk itself takes. The same bytes to the same places
/// of a file whose blocks have been written before, as the log's have.
struct BarePair: PairPeer {
    private let descriptor: Int32

    /// What one of Holdfast's commits of two words writes: a record's header and two runs of a
    /// line.
    private static var recordBytes: Int { 72 + 2 * (8 + 64) }
    private static var start: Int { 16384 }

    init(newAt path: String, durable: Bool) throws {
        descriptor = open(path, O_RDWR | O_CREAT, 0o644)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        guard pwrite(descriptor, zeros, zeros.count, 0) == zeros.count, syncData(descriptor) else {
            throw WrongResult(description: "cannot write \(path)")
        }
    }

    func close() { descriptor.closed() }

    func setPairs(_ numbers: Range<UInt64>) throws {
        var record = [UInt8](repeating: 1, count: Self.recordBytes)
        for number in numbers {
            record.withUnsafeMutableBytes { $0.storeBytes(of: number, as: UInt64.self) }
            let place = Self.start + Int(number - numbers.lowerBound) * Self.recordBytes
            guard pwrite(descriptor, record, record.count, off_t(place)) == record.count,
                syncData(descriptor)
            else {
                throw WrongResult(description: "cannot write and sync")
            }
        }
    }

    /// The number of the last record.
    func second() throws -> UInt64 {
        var place = Self.start
        var last: UInt64 = 0
        var number: UInt64 = 0
        while pread(descriptor, &number, 8, off_t(place)) == 8, number > last {
            last = number
            place += Self.recordBytes
        }
        return last
    }
}

/// Until what was written lies on the device.
private func syncData(_ descriptor: Int32) -> Bool {
    #if canImport(Darwin)
        fcntl(descriptor, F_FULLFSYNC) == 0
    #else
        fdatasync(descriptor) == 0
    #endif
}

/// The same for a file that somebody else has open or mapped.
func syncFile(_ path: String) throws -> Bool {
    let descriptor = open(path, O_RDWR)
    guard descriptor >= 0 else { throw WrongResult(description: "cannot open \(path)") }
    defer { close(descriptor) }
    return syncData(descriptor)
}

extension Int32 {
    /// `close`, where a method of that name hides it.
    fileprivate func closed() { close(self) }
}
