/// A whole file in memory: a simple way to read a large file, or to change one in place.
///
///     let file = try MappedFile(path: "log.txt", kind: .readOnly)
///     try file.advise(.sequential)
///     let lines = try file.withBytes { bytes in … }
///
/// The mapping has the size that the file had when it was opened. With `readOnly` and `shared`,
/// changes by other programs are visible at once, even through a span.
///
/// **Faults.** If another process truncates the file, the disk cannot read a page of it, or the
/// disk is full when a hole is written, the closure continues with zeros in that page, and the call
/// that ran it throws `access` instead of returning the closure's result. From then on every use
/// throws it, because pages are lost. Open the file again. A closure may therefore see zeros that
/// are not the file's. It must not do anything irreversible with them, or call ``checkFault()``
/// first. ``AddressReservation/guardAgainstFaults()`` lists the exceptions and the rules for a
/// program's own signal handlers.
///
/// Thread safety: any thread may call anything. Any number of closures may read at a time, or one
/// may write; a call that would break this rule traps instead of racing.
///
/// `@unchecked Sendable` because `descriptor` and `reservation` change, but only in `close()`,
/// which `access` admits only when nothing else runs. Every other use of them first enters
/// `access`.
public final class MappedFile: @unchecked Sendable {
    /// The path given on opening.
    public let path: String
    /// How it is mapped.
    public let kind: MappingKind
    /// The size of the file when it was opened.
    public let count: Int
    private let access = AccessGuard()
    /// Nil after closing, and for an empty file, which the system does not map.
    private var reservation: AddressReservation?
    /// -1 after closing.
    private var descriptor: Int32

    /// Opens and maps the file at `path`. Shared mappings need permission to write it; the others
    /// only to read it. An empty file is an empty mapping. Throws `open` for missing files, folders
    /// and other objects that are not regular files; `reserve` and `map` if addresses are scarce.
    /// O(1): nothing is read.
    public init(path: String, kind: MappingKind = .readOnly) throws(MappingError) {
        self.path = path
        self.kind = kind
        let file = try RegularFile(opening: path, for: kind)
        descriptor = file.descriptor
        count = file.size
        guard file.size > 0 else { return }
        // From here on, deinit closes the file after an error.
        reservation = try MappingError.naming(path) { () throws(MappingError) in
            let bytes = SystemPage.roundUp(file.size)
            let reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
            try reservation.map(
                fileDescriptor: file.descriptor, fileOffset: 0, byteCount: bytes, at: 0, kind: kind)
            reservation.guardAgainstFaults()
            return reservation
        }
    }

    deinit { if descriptor >= 0 { SystemCalls.close(descriptor) } }

    /// Unmaps and closes the file. Closing again does nothing; any other use afterwards traps, and
    /// so does closing while a closure uses the bytes. The system decides when changes to a shared
    /// mapping reach the disk; call ``sync(_:)`` first if that matters.
    public func close() {
        guard access.close(path) else { return }
        SystemCalls.close(descriptor)
        descriptor = -1
        reservation = nil
    }

    // MARK: Bytes

    /// Calls `body` with all bytes; the span cannot escape the closure. Throws `access` if pages of
    /// the file were inaccessible, in this call or an earlier one, and the errors of `body`.
    /// Without those it throws only `MappingError`. Traps after closing and while another closure
    /// changes the bytes. O(1) plus `body`.
    public func withBytes<R>(_ body: (RawSpan) throws(MappingError) -> R) throws(MappingError) -> R
    {
        access.beginReading(path)
        defer { access.endReading() }
        guard let reservation else { return try body(RawSpan()) }
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
        access.beginReading(path)
        defer { access.endReading() }
        guard let reservation else { return try body(RawSpan()) }
        let base = unsafe UnsafeRawPointer(reservation.baseAddress)
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in
            unsafe try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Calls `body` with all bytes for writing. With `privateCopy` only this object sees the
    /// changes; with `shared` they change the file. Throws like `withBytes`; changes to lost pages
    /// are then lost, other changes are kept. Traps for a read-only mapping, after closing, and
    /// while another closure uses the bytes. Storing into a hole of a sparse file is a fault if the
    /// disk is full; ``FileGrowth`` can allocate the blocks first. O(1) plus `body`.
    public func withMutableBytes<R>(
        _ body: (inout MutableRawSpan) throws(MappingError) -> R
    ) throws(MappingError) -> R {
        let bytes = unsafe beginChanging()
        defer { access.endChanging() }
        var span = unsafe MutableRawSpan(_unsafeBytes: bytes)
        guard let reservation else { return try body(&span) }
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
        guard let reservation else { return try body(&span) }
        return try reservation.surfacingFaults(of: path) { () throws(Failure) in try body(&span) }
    }

    /// All bytes, for a closure that changes them.
    private func beginChanging() -> UnsafeMutableRawBufferPointer {
        demand(
            kind != .readOnly,
            "\(path) is mapped read-only; map it as privateCopy or shared to change it")
        access.beginChanging(path)
        return unsafe UnsafeMutableRawBufferPointer(
            start: reservation?.baseAddress, count: reservation == nil ? 0 : count)
    }

    /// Throws `access` if pages of the file have been inaccessible since it was opened. For a long
    /// `withBytes` that needs to know before it ends. Traps after closing and while a closure
    /// changes the bytes. O(1).
    public func checkFault() throws(MappingError) {
        access.beginReading(path)
        defer { access.endReading() }
        try reservation?.checkFault(of: path)
    }

    /// The byte offset of the first inaccessible page (the first in time); nil if there was none.
    /// For saving the rest of a damaged file. Traps like ``checkFault()``. O(1).
    public var firstFault: Int? {
        access.beginReading(path)
        defer { access.endReading() }
        return reservation?.firstFault
    }

    /// Passes advice to the system. Throws `advise`. `dontNeed` can drop private changes, and so
    /// traps while a closure uses the bytes; ``discardChanges()`` is the portable alternative.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed { access.beginChanging(path) } else { access.beginReading(path) }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation?.advise(at: 0, byteCount: count, advice)
        }
    }

    /// Drops the changes of a `privateCopy`: its bytes are the file's again, and faults are
    /// cleared. Traps for other kinds, after closing and while a closure uses the bytes. Throws
    /// `map`; then nothing has changed. O(pages changed).
    public func discardChanges() throws(MappingError) {
        demand(
            kind == .privateCopy, "\(path) is not a privateCopy, so it has no changes to discard")
        access.beginChanging(path)
        defer { access.endChanging() }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation?.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: count, at: 0, kind: kind)
            reservation?.clearFault()
        }
    }

    /// Writes the changes of a shared mapping to the disk; other kinds have none. Throws `sync`:
    /// the state of the disk is then unknown, and a later success does not change that, because the
    /// system may have marked the pages clean. Throws `access` after a fault: stores to a lost page
    /// are gone.
    public func sync(_ mode: SyncMode = .synchronous) throws(MappingError) {
        access.beginReading(path)
        defer { access.endReading() }
        guard kind == .shared, let reservation else { return }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation.checkFault(of: path)
            try reservation.sync(at: 0, byteCount: count, mode)
            if mode == .throughToDevice, let error = SystemCalls.syncThroughToDevice(descriptor) {
                throw MappingError(.sync, error)
            }
        }
    }
}
