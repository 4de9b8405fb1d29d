import Synchronization

/// A large range of reserved addresses, in which mappings are placed and replaced at fixed offsets.
/// This makes a mapping that grows without moving possible.
///
/// Reserved addresses cost nothing, and touching them without a mapping kills the process. Every
/// call checks that it stays inside the reservation, so it cannot affect other mappings. The whole
/// range is released with the object. All offsets and sizes are in bytes; offsets are multiples of
/// ``SystemPage/size``, and sizes cover whole pages: a partial last page counts as a whole one. A
/// range that breaks these rules traps.
///
/// Safety: `baseAddress` is valid for as long as the object lives; the mappings placed determine
/// which parts may be read or written. Thread safety: the only mutable state is the fault record
/// and the size, which are atomic, so calls may come from any thread. The caller must serialise two
/// calls on overlapping ranges, two changes of the size, and a call on a range that is in use.
@safe public final class AddressReservation: Sendable {
    /// The first address; a multiple of the page size.
    ///
    /// `nonisolated(unsafe)` because pointers are not `Sendable`; the address never changes while
    /// the object lives.
    public nonisolated(unsafe) let baseAddress: UnsafeMutableRawPointer
    /// Bytes reserved; a multiple of the page size. Changed only by ``extend(to:)`` and
    /// ``giveBack(from:)``.
    public var capacity: Int { size.load(ordering: .relaxed) }
    private let size: Atomic<Int>
    /// The address of the ``GuardedRange`` for these addresses; 0 while they are not guarded.
    private let guardedRange = Atomic<UInt>(0)

    /// The default size: 16 TiB.
    public static let defaultBytes = 1 << 44

    /// Reserves `preferredBytes`, or, if there are not that many addresses (`ulimit -v`, small
    /// address spaces), half of it, and so on down to `minimumBytes`. Throws `reserve` with the
    /// system's error if even that fails. Traps for sizes that are not positive. O(log(preferred /
    /// minimum)) system calls.
    public init(
        preferredBytes: Int = AddressReservation.defaultBytes, minimumBytes: Int = 64 << 20
    ) throws(MappingError) {
        demand(preferredBytes > 0 && minimumBytes > 0, "a reservation needs a size above zero")
        let minimum = SystemPage.roundUp(minimumBytes)
        var wanted = max(SystemPage.roundUp(preferredBytes), minimum)
        while true {
            let result = unsafe SystemCalls.map(
                at: nil, byteCount: wanted, protection: SystemCalls.noAccess, isShared: false,
                descriptor: nil,
                fileOffset: 0)
            switch unsafe result {
            case .success(let address):
                unsafe baseAddress = unsafe address
                size = Atomic(wanted)
                return
            case .failure(let error):
                guard wanted > minimum else { throw MappingError(.reserve, error) }
                wanted = max(SystemPage.roundUp(wanted / 2), minimum)
            }
        }
    }

    /// Reserves as many addresses as a file has bytes and maps the file there, in one system call:
    /// for a file that does not grow. `byteCount` is positive, and whole pages. Otherwise like
    /// ``map(fileDescriptor:fileOffset:byteCount:at:kind:)``. Throws `map`. O(1).
    public init(mapping fileDescriptor: Int32, byteCount: Int, kind: MappingKind)
        throws(MappingError)
    {
        demand(
            byteCount > 0 && byteCount % SystemPage.size == 0,
            "a file is mapped in whole pages of \(SystemPage.size) bytes, not \(byteCount) bytes "
                + "of it"
        )
        let result = unsafe SystemCalls.map(
            at: nil, byteCount: byteCount,
            protection: kind == .readOnly ? SystemCalls.readOnly : SystemCalls.readWrite,
            isShared: kind != .privateCopy, descriptor: fileDescriptor, fileOffset: 0)
        switch unsafe result {
        case .success(let address):
            unsafe baseAddress = unsafe address
            size = Atomic(byteCount)
        case .failure(let error): throw MappingError(.map, error)
        }
    }

    /// Reserves `byteCount` bytes, in whole pages, inside the largest range of free addresses that
    /// can be found, up to `room` bytes. The addresses behind the reservation stay free until other
    /// code takes them, and ``extend(to:)`` can add them.
    ///
    /// The system places other mappings at one end of a free range; which end depends on its
    /// settings. So a quarter of the range is left in front, and the rest behind. The reservation
    /// begins at a multiple of 2 MiB if possible, for large pages. Throws `reserve`. Traps for
    /// sizes that are not positive. O(log(room / byteCount)) system calls.
    public init(
        growingFrom byteCount: Int, room: Int = AddressReservation.defaultBytes
    ) throws(MappingError) {
        demand(byteCount > 0 && room > 0, "a reservation needs a size above zero")
        let wanted = SystemPage.roundUp(byteCount)
        var range = max(SystemPage.roundUp(room), wanted)
        while true {
            switch unsafe SystemCalls.reserve(range) {
            case .success(let address):
                let start = unsafe Self.start(of: wanted, in: address, range)
                let (front, rest) = unsafe (start - address, address + range - (start + wanted))
                if front > 0 { unsafe SystemCalls.unmap(address, front) }
                if rest > 0 { unsafe SystemCalls.unmap(start + wanted, rest) }
                unsafe baseAddress = unsafe start
                size = Atomic(wanted)
                return
            case .failure(let error):
                guard range > wanted else { throw MappingError(.reserve, error) }
                range = max(SystemPage.roundUp(range / 2), wanted)
            }
        }
    }

    /// The place for `wanted` bytes in a free range of `count` bytes.
    private static func start(
        of wanted: Int, in address: UnsafeMutableRawPointer, _ count: Int
    ) -> UnsafeMutableRawPointer {
        let quarter = unsafe address + SystemPage.roundDown((count - wanted) / 4)
        let largePage = 2 << 20
        let first = Int(bitPattern: address)
        let aligned = SystemPage.roundUp(Int(bitPattern: quarter), to: largePage) - first
        return unsafe aligned + wanted <= count ? address + aligned : quarter
    }

    deinit {
        // In this order: other code may get the addresses as soon as they are unmapped.
        if let range = unsafe range { unsafe FaultGuard.unregister(range) }
        unsafe SystemCalls.unmap(baseAddress, capacity)
    }

    // MARK: The size

    /// Adds the addresses behind the last one, up to `newCapacity` bytes in whole pages, if they
    /// are free. Throws `reserve`, with EEXIST if another mapping lies there, or else with the
    /// system's error; then nothing has changed. Does nothing if the size is already reached. O(1).
    public func extend(to newCapacity: Int) throws(MappingError) {
        let old = capacity
        let new = SystemPage.roundUp(newCapacity)
        guard new > old else { return }
        if let error = unsafe SystemCalls.reserve(new - old, exactlyAt: baseAddress + old) {
            throw MappingError(.reserve, error)
        }
        unsafe range?.pointee.moveEnd(to: UInt(bitPattern: baseAddress) + UInt(new))
        size.store(new, ordering: .relaxed)
    }

    /// Releases the addresses from `offset`, a positive multiple of the page size, together with
    /// the mappings there. O(pages that were in use).
    public func giveBack(from offset: Int) {
        let old = capacity
        demand(
            offset > 0 && offset % SystemPage.size == 0,
            "a reservation is cut at a multiple of the page size of \(SystemPage.size) above zero, "
                + "not at \(offset)")
        guard offset < old else { return }
        unsafe range?.pointee.moveEnd(to: UInt(bitPattern: baseAddress) + UInt(offset))
        size.store(offset, ordering: .relaxed)
        unsafe SystemCalls.unmap(baseAddress + offset, old - offset)
    }

    /// The address of a range inside the reservation, checked. This is the one place that keeps
    /// `MAP_FIXED` from replacing other code's mappings. `capacity` is whole pages, so rounding the
    /// range's end up stays inside too.
    private func address(_ offset: Int, _ byteCount: Int) -> UnsafeMutableRawPointer {
        demand(
            offset >= 0 && byteCount >= 0 && offset % SystemPage.size == 0 && offset <= capacity
                && byteCount <= capacity - offset,
            "\(byteCount) bytes at \(offset) are not whole pages inside the reservation of "
                + "\(capacity) bytes"
        )
        return unsafe baseAddress + offset
    }

    /// Replaces the contents at `offset` with a mapping. Does nothing for zero bytes, which the
    /// system would refuse.
    private func place(
        _ operation: MappingError.Operation, byteCount: Int, at offset: Int, protection: Int32,
        isShared: Bool = false,
        descriptor: Int32? = nil, fileOffset: Int = 0
    ) throws(MappingError) {
        let address = unsafe address(offset, byteCount)
        guard byteCount > 0 else { return }
        let result = unsafe SystemCalls.map(
            at: address, byteCount: byteCount, protection: protection, isShared: isShared,
            descriptor: descriptor,
            fileOffset: fileOffset)
        if case .failure(let error) = unsafe result { throw MappingError(operation, error) }
    }

    /// Maps `byteCount` bytes of a file, from `fileOffset` on, at `offset`, replacing anything
    /// there.
    ///
    /// `fileOffset` must be a multiple of the page size too. The file should be long enough:
    /// touching whole pages beyond its end kills the process, unless ``guardAgainstFaults()`` was
    /// called. The same part of a file may be mapped at several offsets, for example to make a ring
    /// buffer contiguous. The descriptor may be closed afterwards. Throws `map`; then nothing has
    /// changed. O(1): nothing is read yet.
    public func map(
        fileDescriptor: Int32, fileOffset: Int, byteCount: Int, at offset: Int, kind: MappingKind
    ) throws(MappingError) {
        demand(
            fileOffset >= 0 && fileOffset % SystemPage.size == 0,
            "a file is mapped from a multiple of the page size of \(SystemPage.size), not from "
                + "\(fileOffset)"
        )
        try place(
            .map, byteCount: byteCount, at: offset,
            protection: kind == .readOnly ? SystemCalls.readOnly : SystemCalls.readWrite,
            isShared: kind != .privateCopy, descriptor: fileDescriptor, fileOffset: fileOffset)
    }

    /// Maps zero-filled memory of this process at `offset`, replacing anything there. Costs memory
    /// only where it is touched. Memory that is `shared` with processes forked later does not count
    /// towards the data limit of a process (`ulimit -d`). Throws `map`. O(1).
    public func mapAnonymous(
        byteCount: Int, at offset: Int, shared: Bool = false
    ) throws(MappingError) {
        try place(
            .map, byteCount: byteCount, at: offset, protection: SystemCalls.readWrite,
            isShared: shared)
    }

    /// Removes the mappings of a range. The addresses stay reserved: the range is replaced, not
    /// unmapped, so other code can never take it in between. Throws `unmap`. O(pages that were in
    /// use).
    public func unmap(at offset: Int, byteCount: Int) throws(MappingError) {
        try place(.unmap, byteCount: byteCount, at: offset, protection: SystemCalls.noAccess)
    }

    /// Passes advice for a mapped range to the system. Throws `advise`, also if part of the range
    /// is not mapped.
    public func advise(at offset: Int, byteCount: Int, _ advice: MemoryAdvice) throws(MappingError)
    {
        let address = unsafe address(offset, byteCount)
        guard byteCount > 0 else { return }
        if let error = unsafe SystemCalls.advise(address, byteCount, advice) {
            throw MappingError(.advise, error)
        }
    }

    /// Writes the changed pages of a shared mapping to the file. `throughToDevice` counts as
    /// `synchronous` here, because it needs the file. Throws `sync`; the state on the disk is then
    /// unknown, and a later success does not change that.
    public func sync(at offset: Int, byteCount: Int, _ mode: SyncMode) throws(MappingError) {
        let address = unsafe address(offset, byteCount)
        guard byteCount > 0 else { return }
        if let error = unsafe SystemCalls.sync(address, byteCount, waits: mode != .asynchronous) {
            throw MappingError(.sync, error)
        }
    }

    /// Allows or forbids writing to a mapped range. Throws `protect`, for example when writing is
    /// allowed for a shared mapping of a file that was opened for reading. O(1).
    public func protect(at offset: Int, byteCount: Int, _ protection: MemoryProtection)
        throws(MappingError)
    {
        let address = unsafe address(offset, byteCount)
        guard byteCount > 0 else { return }
        let value = protection == .readWrite ? SystemCalls.readWrite : SystemCalls.readOnly
        if let error = unsafe SystemCalls.protect(address, byteCount, value) {
            throw MappingError(.protect, error)
        }
    }

    /// Allows or forbids writing to a mapped range, by a Boolean.
    public func protect(at offset: Int, byteCount: Int, allowsWriting: Bool) throws(MappingError) {
        try protect(at: offset, byteCount: byteCount, allowsWriting ? .readWrite : .readOnly)
    }

    // MARK: Faults

    private var range: UnsafePointer<GuardedRange>? {
        unsafe UnsafePointer(bitPattern: guardedRange.load(ordering: .acquiring))
    }

    /// From now on, touching an inaccessible page of a mapped file does not kill the process. Such
    /// a page results if the file is truncated, if its disk fails, or if the disk is full when a
    /// hole is first written. The page is replaced by readable and writable zeros that belong to no
    /// file, the program continues, and ``firstFault`` reports it.
    ///
    /// So a program must check ``firstFault`` after it has used the bytes, before it trusts them or
    /// considers its writes done. A replaced page stays so, without another fault, until the range
    /// is mapped again.
    ///
    /// Not detected, because the system reports nothing: a file that is truncated inside a page
    /// shows zeros in the rest of that page, and a file that is truncated and extended again shows
    /// zeros in between. Not turned into a fault: a system call given such memory fails with
    /// `EFAULT`; touching reserved addresses without a mapping, and writing to read-only memory,
    /// still kill the process (on Darwin the latter may be taken for a fault).
    ///
    /// The first call in a process installs a handler for SIGBUS (on Darwin SIGSEGV too), which
    /// leaves everything outside guarded ranges to the previous handler. A handler installed later
    /// must do the same, and threads must not block the signal. Calling again does nothing.
    /// O(reservations guarded).
    public func guardAgainstFaults() {
        guard unsafe range == nil else { return }
        let new = unsafe FaultGuard.register(baseAddress, capacity)
        let (isFirst, _) = guardedRange.compareExchange(
            expected: 0, desired: UInt(bitPattern: new), ordering: .acquiringAndReleasing)
        // Another thread was faster. Faults in between are recorded in both.
        if !isFirst { unsafe FaultGuard.unregister(new) }
    }

    /// The offset from ``baseAddress`` of the first inaccessible page since
    /// ``guardAgainstFaults()`` or ``clearFault()``; nil if there is none, or without a guard.
    /// First in time: pages before it may have failed later. O(1), an atomic load, from any thread.
    /// Includes faults of other threads, as far as this thread can have read their zeros.
    public var firstFault: Int? { unsafe range?.pointee.firstFault }

    /// Clears the fault, so that the next one is recorded. The zeros stay in place: first map the
    /// range again, while no thread touches it.
    public func clearFault() { unsafe range?.pointee.clearFault() }
}
