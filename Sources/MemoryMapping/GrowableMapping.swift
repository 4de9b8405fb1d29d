/// A mapping that grows and shrinks in place: its first byte stays where it is, so pointers and
/// offsets into it stay good.
///
/// Over a file (shared or private) or over anonymous memory.
///
/// **Faults.** If somebody else cuts the file shorter, its disk fails, or is full when a hole of it
/// is written, the closure goes on with zeros in the page, and the call that ran it throws
/// `access`; so does every later use. See ``MappedFile``.
///
/// Thread safety: not `Sendable`, for `count` changes; where a lock of the caller's orders the
/// calls, closures that only read may run side by side. Growing, shrinking or changing while a
/// closure uses the bytes traps.
public final class GrowableMapping {
    /// The file's path; nil for anonymous memory.
    public let path: String?
    /// How the file is mapped; `privateCopy` for anonymous memory.
    public let kind: MappingKind
    /// Bytes that can be used.
    public private(set) var count: Int
    /// Bytes that it can grow to: what could be reserved.
    public var capacity: Int { reservation.capacity }

    private let reservation: AddressReservation
    private let access = AccessGuard()
    private let descriptor: Int32?
    private let reservesBlocks: Bool
    /// Length of the file as this object left it; at least `count` for a shared mapping.
    private var fileSize: Int

    private var name: String { path ?? "memory" }

    /// Maps the whole file at `path`, which must exist, with room to grow to `preferredBytes` or as
    /// much as there is. Shared mappings can also make the file longer. `reservingBlocks` decides
    /// whether growth takes disk blocks at once; see ``FileGrowth``. Throws `open`, `reserve` or
    /// `map`. Traps for a size to reserve that is not above zero. O(1).
    public init(
        path: String, kind: MappingKind = .shared, reservingBlocks: Bool = true,
        reserving preferredBytes: Int = AddressReservation.defaultBytes
    ) throws(MappingError) {
        let file = try RegularFile(opening: path, for: kind)
        do throws(MappingError) {
            reservation = try MappingError.naming(path) { () throws(MappingError) in
                let reservation = try Self.reserve(preferredBytes, atLeast: file.size)
                try reservation.map(
                    fileDescriptor: file.descriptor, fileOffset: 0, byteCount: file.size, at: 0,
                    kind: kind)
                reservation.guardAgainstFaults()
                return reservation
            }
        } catch {
            SystemCalls.close(file.descriptor)
            throw error
        }
        self.path = path
        self.kind = kind
        reservesBlocks = reservingBlocks
        count = file.size
        fileSize = file.size
        descriptor = file.descriptor
    }

    /// Zero-filled memory of this process, `anonymousBytes` to begin with, with room to grow to
    /// `preferredBytes` or as much as there is. Throws `reserve` or `map`. Traps for negative
    /// sizes. O(1).
    public init(
        anonymousBytes: Int, reserving preferredBytes: Int = AddressReservation.defaultBytes
    ) throws(MappingError) {
        demand(anonymousBytes >= 0, "a mapping cannot have \(anonymousBytes) bytes")
        path = nil
        kind = .privateCopy
        reservesBlocks = false
        fileSize = 0
        count = 0
        descriptor = nil
        reservation = try Self.reserve(preferredBytes, atLeast: anonymousBytes)
        try grow(to: anonymousBytes)
    }

    deinit { if let descriptor { SystemCalls.close(descriptor) } }

    private static func reserve(_ preferred: Int, atLeast needed: Int) throws(MappingError)
        -> AddressReservation
    {
        try AddressReservation(
            preferredBytes: preferred, minimumBytes: max(needed, SystemPage.size))
    }

    // MARK: Size

    /// Makes at least `newCount` bytes usable; does nothing if they are already. What is added
    /// reads as zero, unless somebody else has written to that part of a shared file.
    ///
    /// A shared file grows in geometric steps, so that many small calls cost little: it may become
    /// longer than `count`, and `shrink(to: count)` cuts it to measure. A private mapping of a file
    /// grows with memory of this process. Throws `grow` (also with `ENOMEM` beyond `capacity`) or
    /// `map`; then nothing has changed. Traps for a read-only mapping, and while a closure uses the
    /// bytes. O(1), but for what reserving disk blocks costs.
    public func grow(to newCount: Int) throws(MappingError) {
        guard newCount > count else { return }
        demand(kind != .readOnly, "the mapping of \(name) is read-only and cannot grow")
        access.beginChanging(name)
        defer { access.endChanging() }
        try MappingError.naming(path) { () throws(MappingError) in
            guard newCount <= capacity else { throw MappingError(.grow, SystemCalls.outOfMemory) }
            let mapped = SystemPage.roundUp(count)
            let added = SystemPage.roundUp(newCount) - mapped
            guard kind == .shared, let descriptor else {
                try reservation.mapAnonymous(byteCount: added, at: mapped)
                // The rest of the last page may hold what `shrink` left, or what the file got
                // since.
                let rest = min(mapped, newCount) - count
                (reservation.baseAddress + count).initializeMemory(
                    as: UInt8.self, repeating: 0, count: rest)
                return
            }
            let oldSize = fileSize
            try growFile(descriptor, toHold: newCount)
            do throws(MappingError) {
                try reservation.map(
                    fileDescriptor: descriptor, fileOffset: mapped, byteCount: added, at: mapped,
                    kind: kind)
            } catch {
                // Best effort: a longer file with zeros at its end is no harm but that of its
                // space.
                if (try? FileGrowth.truncate(fileDescriptor: descriptor, to: oldSize)) != nil {
                    fileSize = oldSize
                }
                throw error
            }
        }
        count = newCount
    }

    private func growFile(_ descriptor: Int32, toHold newCount: Int) throws(MappingError) {
        guard newCount > fileSize else { return }
        // No further than the reservation, except that `newCount` itself always fits.
        let target = min(
            FileGrowth.nextSize(
                current: fileSize, needed: newCount, granule: FileGrowth.smallestGranule,
                maximumStep: 1 << 30),
            capacity)
        do throws(MappingError) {
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: fileSize, to: target,
                reservingBlocks: reservesBlocks)
            fileSize = target
        } catch {
            // The extra space was only in hand for later; what is needed now may still fit.
            guard newCount < target else { throw error }
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: fileSize, to: newCount,
                reservingBlocks: reservesBlocks)
            fileSize = newCount
        }
    }

    /// Gives up everything behind `newCount`; a shared file is cut to that size, also if it was
    /// longer than `count`. Throws `truncate`; then nothing has changed. An `unmap` thrown means
    /// that only the memory behind was not given back. Traps for a size above `count` and while a
    /// closure uses the bytes. O(pages given up).
    public func shrink(to newCount: Int) throws(MappingError) {
        demand(newCount >= 0 && newCount <= count, "\(count) bytes cannot shrink to \(newCount)")
        access.beginChanging(name)
        defer { access.endChanging() }
        try MappingError.naming(path) { () throws(MappingError) in
            if kind == .shared, let descriptor {
                // The only step that a file can refuse, so it comes first. Nobody reaches the
                // mapping meanwhile.
                try FileGrowth.truncate(fileDescriptor: descriptor, to: newCount)
                fileSize = newCount
            }
            let mapped = SystemPage.roundUp(count)
            let keep = SystemPage.roundUp(newCount)
            count = newCount
            try reservation.unmap(at: keep, byteCount: mapped - keep)
        }
    }

    // MARK: Bytes

    /// Calls `body` with all bytes; the span cannot leave the closure. Throws `access` if pages of
    /// the file could not be had, now or in an earlier call, and what `body` throws; so without
    /// `body`'s own errors it throws nothing but a `MappingError`, and for anonymous memory nothing
    /// at all. Traps while another closure changes the bytes. O(1) besides `body`.
    public func withBytes<R>(_ body: (RawSpan) throws(MappingError) -> R) throws(MappingError) -> R
    {
        access.beginReading(name)
        defer { access.endReading() }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends
        // on the property itself.
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try reservation.surfacingFaults(of: path) { () throws(MappingError) in
            try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// The same for a `body` with errors of its own, which come through unless there was a fault.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws -> R {
        access.beginReading(name)
        defer { access.endReading() }
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in
            try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Calls `body` with all bytes for changing. Throws as `withBytes` does; changes to lost pages
    /// are lost then, others are made. Traps for a read-only mapping and while another closure uses
    /// the bytes. O(1) besides `body`.
    public func withMutableBytes<R>(
        _ body: (inout MutableRawSpan) throws(MappingError) -> R
    ) throws(MappingError) -> R {
        let bytes = beginChanging()
        defer { access.endChanging() }
        var span = MutableRawSpan(_unsafeBytes: bytes)
        return try reservation.surfacingFaults(of: path) { () throws(MappingError) in
            try body(&span)
        }
    }

    /// The same for a `body` with errors of its own, which come through unless there was a fault.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws -> R {
        let bytes = beginChanging()
        defer { access.endChanging() }
        var span = MutableRawSpan(_unsafeBytes: bytes)
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in try body(&span) }
    }

    /// All bytes, for a closure that changes them.
    private func beginChanging() -> UnsafeMutableRawBufferPointer {
        demand(
            kind != .readOnly,
            "\(name) is mapped read-only; map it as privateCopy or shared to change it")
        access.beginChanging(name)
        return UnsafeMutableRawBufferPointer(start: reservation.baseAddress, count: count)
    }

    /// Throws `access` if pages of the file could not be had since it was opened. For users of
    /// ``unsafeBaseAddress``, and for a long closure that wants to know before it ends. O(1).
    public func checkFault() throws(MappingError) { try reservation.checkFault(of: path) }

    /// Offset in bytes of the first page that could not be had (the first in time), nil if there
    /// was none. O(1).
    public var firstFault: Int? { reservation.firstFault }

    /// Passes advice on to the system. Throws `advise`. `dontNeed` can change what the bytes are,
    /// and so traps while a closure uses them.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed { access.beginChanging(name) } else { access.beginReading(name) }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation.advise(at: 0, byteCount: count, advice)
        }
    }

    /// Writes the changes of a shared mapping to the disk; the other kinds have none. Throws
    /// `sync`, and `access` after a fault; see ``MappedFile/sync(_:)``.
    public func sync(_ mode: SyncMode = .synchronous) throws(MappingError) {
        guard kind == .shared, let descriptor else { return }
        access.beginReading(name)
        defer { access.endReading() }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation.checkFault(of: path)
            try reservation.sync(at: 0, byteCount: count, mode)
            if mode == .throughToDevice, let error = SystemCalls.syncThroughToDevice(descriptor) {
                throw MappingError(.sync, error)
            }
        }
    }

    /// The address of the first byte, for code that builds its own safe access on it: valid while
    /// the object lives and not seen by the checks of the scoped calls.
    public var unsafeBaseAddress: UnsafeMutableRawPointer { reservation.baseAddress }
}
