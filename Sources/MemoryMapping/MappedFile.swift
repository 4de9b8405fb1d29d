/// A whole file in memory: the simple way to read a large file, or to change one in place.
///
///     let file = try MappedFile(path: "log.txt", kind: .readOnly)
///     try file.advise(.sequential)
///     let lines = file.withBytes { bytes in … }
///
/// The mapping has the size that the file had when it was opened; if another process cuts the file shorter meanwhile,
/// touching what is gone ends the process. With `readOnly` and `shared`, what others write to the file shows at once,
/// even under a span.
///
/// Thread safety: any thread may call anything. Any number of closures may read at a time, or one may change; a call
/// that would break this traps instead of racing.
///
/// `@unchecked Sendable` because `descriptor` and `reservation` change, but only in `close()`, which `access` lets run
/// only when nothing else does, and every other use of them begins by asking `access`.
public final class MappedFile: @unchecked Sendable {
    /// The path that it was opened with.
    public let path: String
    /// How it is mapped.
    public let kind: MappingKind
    /// Bytes of the file when it was opened.
    public let count: Int
    private let access = AccessGuard()
    /// Nil for an empty file, which the system does not map, and when closed.
    private var reservation: AddressReservation?
    /// -1 when closed.
    private var descriptor: Int32

    /// Opens and maps the file at `path`. Shared mappings need the right to write it; the others only to read it. An
    /// empty file is an empty mapping. Throws `open` for missing files, folders and other things that are not regular
    /// files, `reserve` and `map` where addresses are short. O(1): nothing is read.
    public init(path: String, kind: MappingKind = .readOnly) throws(MappingError) {
        self.path = path
        self.kind = kind
        let file = try RegularFile(opening: path, for: kind)
        descriptor = file.descriptor
        count = file.size
        guard file.size > 0 else { return }
        // From here on deinit closes the file if something fails.
        reservation = try MappingError.naming(path) { () throws(MappingError) in
            let bytes = SystemPage.roundUp(file.size)
            let reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
            try reservation.map(fileDescriptor: file.descriptor, fileOffset: 0, byteCount: bytes, at: 0, kind: kind)
            return reservation
        }
    }

    deinit { if descriptor >= 0 { SystemCalls.close(descriptor) } }

    /// Unmaps and closes the file. Closing again does nothing; any other use afterwards traps, and so does closing
    /// while a closure uses the bytes. What was written to a shared mapping reaches the disk when the system likes:
    /// ``sync(_:)`` first if that matters.
    public func close() {
        guard access.close(path) else { return }
        SystemCalls.close(descriptor)
        descriptor = -1
        reservation = nil
    }

    /// Calls `body` with all bytes; the span cannot leave the closure. Traps after closing and while another closure
    /// changes the bytes.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws(Failure) -> R {
        access.beginReading(path)
        defer { access.endReading() }
        guard let reservation else { return try body(RawSpan()) }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends on the property
        // itself.
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try body(RawSpan(_unsafeStart: base, byteCount: count))
    }

    /// Calls `body` with all bytes for changing. With `privateCopy` only this object sees the changes, with `shared`
    /// they are the file's. Traps for a read-only mapping, after closing, and while another closure uses the bytes.
    /// Storing into a hole of a sparse file ends the process if the disk is full; ``FileGrowth`` can take the blocks
    /// first.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws(Failure) -> R {
        demand(
            kind != .readOnly, "\(path) is mapped read-only; map it as privateCopy or shared to change it")
        access.beginChanging(path)
        defer { access.endChanging() }
        var span = MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(
                start: reservation?.baseAddress, count: reservation == nil ? 0 : count))
        return try body(&span)
    }

    /// Passes advice on to the system. Throws `advise`. `dontNeed` can drop private changes, and so traps while a
    /// closure uses the bytes; ``discardChanges()`` is the portable way to that.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed { access.beginChanging(path) } else { access.beginReading(path) }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation?.advise(at: 0, byteCount: count, advice)
        }
    }

    /// Drops the changes of a `privateCopy`: its bytes are the file's again. Traps for other kinds, after closing and
    /// while a closure uses the bytes. Throws `map`; then nothing has changed. O(pages changed).
    public func discardChanges() throws(MappingError) {
        demand(kind == .privateCopy, "\(path) is not a privateCopy, so it has no changes to discard")
        access.beginChanging(path)
        defer { access.endChanging() }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation?.map(fileDescriptor: descriptor, fileOffset: 0, byteCount: count, at: 0, kind: kind)
        }
    }

    /// Writes the changes of a shared mapping to the disk; the other kinds have none. Throws `sync`: the disk's state
    /// is then unknown, and a later success does not mend that, since the system may have taken the pages for clean.
    public func sync(_ mode: SyncMode = .synchronous) throws(MappingError) {
        access.beginReading(path)
        defer { access.endReading() }
        guard kind == .shared, let reservation else { return }
        try MappingError.naming(path) { () throws(MappingError) in
            try reservation.sync(at: 0, byteCount: count, mode)
            if mode == .throughToDevice, let error = SystemCalls.syncThroughToDevice(descriptor) {
                throw MappingError(.sync, error)
            }
        }
    }
}
