/// A mapping that grows and shrinks in place: its first byte stays where it is, so pointers and offsets into it stay good.
///
/// Over a file (shared or private) or over anonymous memory. Thread safety: none of its own; `grow` and `shrink` must not run beside a use.
public final class GrowableMapping {
    /// The file's path; nil for anonymous memory.
    public let path: String?
    /// How the file is mapped; `privateCopy` for anonymous memory.
    public let kind: MappingKind
    /// Bytes that can be used.
    public private(set) var count: Int
    /// Bytes that it can grow to.
    public var capacity: Int { reservation.capacity }

    private let reservation: AddressReservation
    private var descriptor: Int32?
    private let reservesBlocks: Bool
    private var fileSize: Int

    /// Maps the whole file at `path`, which must exist, with room to grow. Shared mappings can also make the file longer.
    /// `reservingBlocks` decides whether growth takes disk blocks at once; see ``FileGrowth``.
    public init(
        path: String, kind: MappingKind = .shared, reservingBlocks: Bool = true,
        reserving preferredBytes: Int = AddressReservation.defaultBytes
    ) throws(MappingError) {
        self.path = path
        self.kind = kind
        reservesBlocks = reservingBlocks
        let opened: Int32
        switch SystemCalls.open(path, writable: kind == .shared) {
        case .failure(let error): throw MappingError(.open, path: path, error)
        case .success(let value): opened = value
        }
        do throws(MappingError) {
            count = try RegularFile.size(opened, path: path)
            fileSize = count
            let minimum = max(SystemPage.roundUp(count), SystemPage.size)
            reservation = try AddressReservation(preferredBytes: max(preferredBytes, minimum), minimumBytes: minimum)
            try reservation.map(
                fileDescriptor: opened, fileOffset: 0, byteCount: SystemPage.roundUp(count), at: 0, kind: kind)
        } catch {
            SystemCalls.close(opened)
            throw MappingError(error.operation, path: path, code: error.code)
        }
        descriptor = opened
    }

    /// Zero-filled memory of this process with room to grow.
    public init(anonymousBytes: Int, reserving preferredBytes: Int = AddressReservation.defaultBytes) throws(MappingError) {
        path = nil
        kind = .privateCopy
        reservesBlocks = false
        fileSize = 0
        count = 0
        descriptor = nil
        let minimum = max(SystemPage.roundUp(anonymousBytes), SystemPage.size)
        reservation = try AddressReservation(preferredBytes: max(preferredBytes, minimum), minimumBytes: minimum)
        try grow(to: anonymousBytes)
    }

    deinit { if let descriptor { SystemCalls.close(descriptor) } }

    /// Makes at least `newCount` bytes usable. A shared file grows in geometric steps, so that many small calls cost little;
    /// what is added reads as zero. A private mapping of a file grows with memory of this process. On an error nothing has changed.
    public func grow(to newCount: Int) throws(MappingError) {
        guard newCount > count else { return }
        guard newCount <= capacity else { throw MappingError(.grow, path: path, code: Self.noMemory) }
        let mapped = SystemPage.roundUp(count)
        if kind == .shared, let descriptor {
            if newCount > fileSize {
                let target = min(FileGrowth.nextSize(current: fileSize, needed: newCount, granule: 1 << 16), capacity)
                do throws(MappingError) {
                    try FileGrowth.grow(
                        fileDescriptor: descriptor, from: fileSize, to: target, reservingBlocks: reservesBlocks)
                } catch {
                    throw MappingError(error.operation, path: path, code: error.code)
                }
                fileSize = target
            }
            let end = SystemPage.roundUp(newCount)
            if end > mapped {
                try reservation.map(
                    fileDescriptor: descriptor, fileOffset: mapped, byteCount: end - mapped, at: mapped, kind: kind)
            }
        } else {
            precondition(kind != .readOnly, "MemoryMapping: a read-only mapping cannot grow")
            let end = SystemPage.roundUp(newCount)
            if end > mapped { try reservation.mapAnonymous(byteCount: end - mapped, at: mapped) }
        }
        count = newCount
    }

    /// Gives up everything behind `newCount`; a shared file is cut to that size.
    public func shrink(to newCount: Int) throws(MappingError) {
        precondition(newCount >= 0 && newCount <= count, "MemoryMapping: \(count) bytes cannot shrink to \(newCount)")
        let keep = SystemPage.roundUp(newCount)
        // The mapping first: bytes behind the file's end must not be reachable for a moment.
        try reservation.unmap(at: keep, byteCount: SystemPage.roundUp(count) - keep)
        count = newCount
        if kind == .shared, let descriptor {
            try FileGrowth.truncate(fileDescriptor: descriptor, to: newCount)
            fileSize = newCount
        }
    }

    /// Calls `body` with all bytes; the span cannot leave the closure.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws(Failure) -> R {
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends on the property itself.
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try withExtendedLifetime(reservation) { () throws(Failure) -> R in
            try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Calls `body` with all bytes for changing; traps for a read-only mapping.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws(Failure) -> R {
        precondition(kind != .readOnly, "MemoryMapping: the mapping is read-only")
        var span = MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(start: reservation.baseAddress, count: count))
        return try body(&span)
    }

    /// Passes advice on to the system.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        try reservation.advise(at: 0, byteCount: SystemPage.roundUp(count), advice)
    }

    /// Writes the changes of a shared mapping to the disk; see ``MappedFile/sync(_:)``.
    public func sync(_ mode: SyncMode = .synchronous) throws(MappingError) {
        guard kind == .shared else { return }
        try reservation.sync(at: 0, byteCount: SystemPage.roundUp(count), mode)
        if mode == .throughToDevice, let descriptor, let error = SystemCalls.syncThroughToDevice(descriptor) {
            throw MappingError(.sync, path: path, error)
        }
    }

    /// The address of the first byte, for code that builds its own safe access on it; valid while the object lives.
    public var unsafeBaseAddress: UnsafeMutableRawPointer { reservation.baseAddress }

    private static let noMemory: Int32 = 12  // ENOMEM, the same number on every supported system
}
