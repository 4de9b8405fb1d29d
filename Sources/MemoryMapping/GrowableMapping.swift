/// A mapping that grows and shrinks in place: its first byte never moves, so pointers and offsets
/// into it stay valid.
///
/// Maps a file (shared or private) or anonymous memory.
///
/// **Faults.** If another program truncates the file, its disk fails, or the disk is full when a
/// hole of it is written, the closure continues with zeros in the page, and the call that ran it
/// throws `access`; so does every later use. See ``MappedFile``.
///
/// Thread safety: not `Sendable`, because `count` changes. If a lock of the caller's orders the
/// calls, read-only closures may run concurrently. Growing, shrinking or changing while a closure
/// uses the bytes traps.
public final class GrowableMapping {
    /// The file's path; nil for anonymous memory.
    public let path: String?
    /// How the file is mapped; `privateCopy` for anonymous memory.
    public let kind: MappingKind
    /// The usable size in bytes.
    public private(set) var count: Int
    /// The maximum size in bytes: the size of the reservation.
    public var capacity: Int { reservation.capacity }

    private let reservation: AddressReservation
    private let access = AccessGuard()
    private let descriptor: Int32?
    private let reservesBlocks: Bool
    /// Length of the file as this object left it; at least `count` for a shared mapping.
    private var fileSize: Int

    private var name: String { path ?? "memory" }

    /// Maps the whole file at `path`, which must exist, with room to grow to `preferredBytes` or as
    /// much as is available. Shared mappings can also extend the file. `reservingBlocks` decides
    /// whether growth allocates disk blocks at once; see ``FileGrowth``. Throws `open`, `reserve`
    /// or `map`. Traps for a reservation that is not positive. O(1).
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

    /// Maps zero-filled memory of this process, initially `anonymousBytes`, with room to grow to
    /// `preferredBytes` or as much as is available. Throws `reserve` or `map`. Traps for negative
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

    /// Makes at least `newCount` bytes usable; does nothing if they already are. The new part reads
    /// as zeros, unless another program has written to that part of a shared file.
    ///
    /// A shared file grows in geometric steps, so that many small calls cost little. It may become
    /// longer than `count`; `shrink(to: count)` removes the excess. A private mapping of a file
    /// grows with memory of this process. Throws `grow` (with `ENOMEM` beyond `capacity`) or `map`;
    /// then nothing has changed. Traps for a read-only mapping, and while a closure uses the bytes.
    /// O(1), except for the cost of reserving disk blocks.
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
                // The rest of the last page may hold remains from before `shrink`, or bytes that
                // the file has gained since.
                let rest = min(mapped, newCount) - count
                unsafe (reservation.baseAddress + count).initializeMemory(
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
                // Best effort: a longer file with zeros at its end costs only disk space.
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
        // Limited by the reservation, except that `newCount` itself always fits.
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
            // The extra space was only a reserve; the exact size may still fit.
            guard newCount < target else { throw error }
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: fileSize, to: newCount,
                reservingBlocks: reservesBlocks)
            fileSize = newCount
        }
    }

    /// Releases everything behind `newCount`; a shared file is truncated to that size, even if it
    /// was longer than `count`. Throws `truncate`; then nothing has changed. A thrown `unmap` means
    /// only that the memory was not released. Traps for a size above `count` and while a closure
    /// uses the bytes. O(pages released).
    public func shrink(to newCount: Int) throws(MappingError) {
        demand(newCount >= 0 && newCount <= count, "\(count) bytes cannot shrink to \(newCount)")
        access.beginChanging(name)
        defer { access.endChanging() }
        try MappingError.naming(path) { () throws(MappingError) in
            if kind == .shared, let descriptor {
                // The only step that can fail because of the file, so it comes first. No thread
                // accesses the mapping meanwhile.
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

    /// Calls `body` with all bytes; the span cannot escape the closure. Throws `access` if pages of
    /// the file were inaccessible, in this call or an earlier one, and the errors of `body`.
    /// Without those it throws only `MappingError`, and for anonymous memory nothing at all. Traps
    /// while another closure changes the bytes. O(1) plus `body`.
    public func withBytes<R>(_ body: (RawSpan) throws(MappingError) -> R) throws(MappingError) -> R
    {
        access.beginReading(name)
        defer { access.endReading() }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends
        // on the property itself.
        let base = unsafe UnsafeRawPointer(reservation.baseAddress)
        return try reservation.surfacingFaults(of: path) { () throws(MappingError) in
            unsafe try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Like the other `withBytes`, for a `body` with errors of its own, which are rethrown unless
    /// there was a fault.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws -> R {
        access.beginReading(name)
        defer { access.endReading() }
        let base = unsafe UnsafeRawPointer(reservation.baseAddress)
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in
            unsafe try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Calls `body` with all bytes for writing. Throws like `withBytes`; changes to lost pages are
    /// then lost, other changes are kept. Traps for a read-only mapping and while another closure
    /// uses the bytes. O(1) plus `body`.
    public func withMutableBytes<R>(
        _ body: (inout MutableRawSpan) throws(MappingError) -> R
    ) throws(MappingError) -> R {
        let bytes = unsafe beginChanging()
        defer { access.endChanging() }
        var span = unsafe MutableRawSpan(_unsafeBytes: bytes)
        return try reservation.surfacingFaults(of: path) { () throws(MappingError) in
            try body(&span)
        }
    }

    /// Like the other `withMutableBytes`, for a `body` with errors of its own, which are rethrown
    /// unless there was a fault.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws -> R {
        let bytes = unsafe beginChanging()
        defer { access.endChanging() }
        var span = unsafe MutableRawSpan(_unsafeBytes: bytes)
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in try body(&span) }
    }

    /// All bytes, for a closure that changes them.
    private func beginChanging() -> UnsafeMutableRawBufferPointer {
        demand(
            kind != .readOnly,
            "\(name) is mapped read-only; map it as privateCopy or shared to change it")
        access.beginChanging(name)
        return unsafe UnsafeMutableRawBufferPointer(start: reservation.baseAddress, count: count)
    }

    /// Throws `access` if pages of the file have been inaccessible since it was opened. For users
    /// of ``unsafeBaseAddress``, and for a long closure that needs to know before it ends. O(1).
    public func checkFault() throws(MappingError) { try reservation.checkFault(of: path) }

    /// The byte offset of the first inaccessible page (the first in time); nil if there was none.
    /// O(1).
    public var firstFault: Int? { reservation.firstFault }

    /// Passes advice to the system. Throws `advise`. `dontNeed` can change the bytes, and so traps
    /// while a closure uses them.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed { access.beginChanging(name) } else { access.beginReading(name) }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation.advise(at: 0, byteCount: count, advice)
        }
    }

    /// Writes the changes of a shared mapping to the disk; other kinds have none. Throws `sync`,
    /// and `access` after a fault; see ``MappedFile/sync(_:)``.
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

    /// The address of the first byte, for code that builds its own safe access on it. Valid while
    /// the object lives; accesses through it are not covered by the checks of the scoped calls.
    public var unsafeBaseAddress: UnsafeMutableRawPointer { unsafe reservation.baseAddress }
}
