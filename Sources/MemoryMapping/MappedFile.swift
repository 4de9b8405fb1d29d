/// A whole file in memory: the simple way to read a large file, or to change one in place.
///
///     let file = try MappedFile(path: "log.txt", kind: .readOnly)
///     file.advise(.sequential)
///     let lines = file.withBytes { bytes in … }
///
/// The mapping has the size that the file had when it was opened; if another process cuts the file shorter meanwhile, touching
/// what is gone ends the process. Thread safety: reading from several threads is fine; writing and closing need the caller's own order.
public final class MappedFile {
    /// The path that it was opened with.
    public let path: String
    /// How it is mapped.
    public let kind: MappingKind
    /// Bytes of the file when it was opened.
    public let count: Int
    private var reservation: AddressReservation?
    private var descriptor: Int32

    /// Opens and maps the file at `path`. Shared mappings need the right to write it; the others only to read it. An empty file is an empty
    /// mapping. Throws `open` for missing files, folders and other things that are not regular files. O(1): nothing is read.
    public init(path: String, kind: MappingKind = .readOnly) throws(MappingError) {
        self.path = path
        self.kind = kind
        switch SystemCalls.open(path, writable: kind == .shared) {
        case .failure(let error): throw MappingError(.open, path: path, error)
        case .success(let opened): descriptor = opened
        }
        do throws(MappingError) {
            count = try RegularFile.size(descriptor, path: path)
            if count > 0 {
                let bytes = SystemPage.roundUp(count)
                let reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
                try reservation.map(fileDescriptor: descriptor, fileOffset: 0, byteCount: bytes, at: 0, kind: kind)
                self.reservation = reservation
            }
        } catch {
            SystemCalls.close(descriptor)
            throw MappingError(error.operation, path: path, code: error.code)
        }
    }

    deinit { close() }

    /// Unmaps and closes the file. Closing again does nothing; any other use afterwards traps.
    public func close() {
        guard descriptor >= 0 else { return }
        SystemCalls.close(descriptor)
        descriptor = -1
        reservation = nil
    }

    private func requireOpen() {
        precondition(descriptor >= 0, "MemoryMapping: the mapping of \(path) was used after it had been closed")
    }

    /// Calls `body` with all bytes; the span cannot leave the closure.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws(Failure) -> R {
        requireOpen()
        guard let reservation else { return try body(RawSpan()) }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends on the property itself.
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try withExtendedLifetime(reservation) { () throws(Failure) -> R in
            try body(RawSpan(_unsafeStart: base, byteCount: count))
        }
    }

    /// Calls `body` with all bytes for changing; traps for a read-only mapping. With `privateCopy` only this object sees the changes.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws(Failure) -> R {
        requireOpen()
        precondition(
            kind != .readOnly, "MemoryMapping: \(path) is mapped read-only; map it as privateCopy or shared to change it")
        var span = MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(start: reservation?.baseAddress, count: count))
        return try body(&span)
    }

    /// Passes advice on to the system; whether it heeds it makes no difference but to speed. `dontNeed` drops private changes.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        requireOpen()
        do throws(MappingError) {
            try reservation?.advise(at: 0, byteCount: SystemPage.roundUp(count), advice)
        } catch {
            throw MappingError(error.operation, path: path, code: error.code)
        }
    }

    /// Writes the changes of a shared mapping to the disk; the other kinds have none. After an error the disk's state is unknown, and a
    /// later success does not mend that.
    public func sync(_ mode: SyncMode = .synchronous) throws(MappingError) {
        requireOpen()
        guard kind == .shared, let reservation else { return }
        do throws(MappingError) {
            try reservation.sync(at: 0, byteCount: SystemPage.roundUp(count), mode)
        } catch {
            throw MappingError(error.operation, path: path, code: error.code)
        }
        if mode == .throughToDevice, let error = SystemCalls.syncThroughToDevice(descriptor) {
            throw MappingError(.sync, path: path, error)
        }
    }
}
