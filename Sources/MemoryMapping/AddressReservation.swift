/// A large range of addresses with nothing behind it, in which mappings are placed and replaced at fixed offsets: the way to
/// have a mapping that grows without moving.
///
/// Reserved addresses cost nothing, and touching them without a mapping ends the process. Every call checks that it stays inside
/// the reservation, so no mapping of anybody else can be hit; the whole range is given back when the object goes.
///
/// Safety: `baseAddress` is valid for as long as the object lives; which parts may be read or written is up to the
/// mappings placed. Thread safety: the object holds no state that changes, so calls may come from any thread; two calls on overlapping
/// ranges need the caller's own order.
public final class AddressReservation: Sendable {
    /// The first address; a multiple of the page size.
    public nonisolated(unsafe) let baseAddress: UnsafeMutableRawPointer
    /// Bytes reserved; a multiple of the page size.
    public let capacity: Int

    /// 16 TiB, what is asked for if nothing else is.
    public static let defaultBytes = 1 << 44

    /// Reserves `preferredBytes`, or, where there are not so many addresses (`ulimit -v`, small address spaces), half of it, and so on
    /// down to `minimumBytes`. Throws `reserve` with the system's error if even that fails.
    public init(preferredBytes: Int = AddressReservation.defaultBytes, minimumBytes: Int = 64 << 20) throws(MappingError) {
        precondition(preferredBytes > 0 && minimumBytes > 0, "MemoryMapping: a reservation needs a size above zero")
        let minimum = SystemPage.roundUp(minimumBytes)
        var wanted = max(SystemPage.roundDown(preferredBytes), minimum)
        while true {
            switch SystemCalls.map(
                at: nil, byteCount: wanted, protection: Self.noAccess, isShared: false, descriptor: nil, fileOffset: 0)
            {
            case .success(let address):
                baseAddress = address
                capacity = wanted
                return
            case .failure(let error):
                guard wanted > minimum else { throw MappingError(.reserve, error) }
                wanted = max(SystemPage.roundUp(wanted / 2), minimum)
            }
        }
    }

    deinit { SystemCalls.unmap(baseAddress, capacity) }

    private static let noAccess: Int32 = 0

    private func address(_ offset: Int, _ byteCount: Int) -> UnsafeMutableRawPointer {
        precondition(
            offset >= 0 && byteCount >= 0 && offset % SystemPage.size == 0 && offset <= capacity
                && byteCount <= capacity - offset,
            "MemoryMapping: bytes \(offset)..<\(offset &+ byteCount) are not whole pages inside the reservation of \(capacity)")
        return baseAddress + offset
    }

    /// Places a mapping of `byteCount` bytes of a file, from `fileOffset` on, at `offset`, instead of whatever was there. Both offsets are
    /// multiples of the page size. The file must be that long: touching pages beyond its end ends the process. The same part of a
    /// file may be mapped at several offsets.
    public func map(
        fileDescriptor: Int32, fileOffset: Int, byteCount: Int, at offset: Int, kind: MappingKind
    ) throws(MappingError) {
        guard byteCount > 0 else { return }
        let result = SystemCalls.map(
            at: address(offset, byteCount), byteCount: byteCount,
            protection: kind == .readOnly ? SystemCalls.readOnly : SystemCalls.readWrite, isShared: kind != .privateCopy,
            descriptor: fileDescriptor, fileOffset: fileOffset)
        if case .failure(let error) = result { throw MappingError(.map, error) }
    }

    /// Places zero-filled memory of this process at `offset`, instead of whatever was there. Costs memory only where it is touched.
    public func mapAnonymous(byteCount: Int, at offset: Int) throws(MappingError) {
        guard byteCount > 0 else { return }
        let result = SystemCalls.map(
            at: address(offset, byteCount), byteCount: byteCount, protection: SystemCalls.readWrite, isShared: false,
            descriptor: nil, fileOffset: 0)
        if case .failure(let error) = result { throw MappingError(.map, error) }
    }

    /// Returns a range to being reserved addresses with nothing behind them. The range never becomes free for others in between.
    public func unmap(at offset: Int, byteCount: Int) throws(MappingError) {
        guard byteCount > 0 else { return }
        let result = SystemCalls.map(
            at: address(offset, byteCount), byteCount: byteCount, protection: Self.noAccess, isShared: false,
            descriptor: nil, fileOffset: 0)
        if case .failure(let error) = result { throw MappingError(.unmap, error) }
    }

    /// Passes advice for a mapped range on to the system.
    public func advise(at offset: Int, byteCount: Int, _ advice: MemoryAdvice) throws(MappingError) {
        guard byteCount > 0 else { return }
        if let error = SystemCalls.advise(address(offset, byteCount), byteCount, advice) {
            throw MappingError(.advise, error)
        }
    }

    /// Writes the changed pages of a shared mapping to the file. `throughToDevice` counts as `synchronous` here, since it needs the file.
    public func sync(at offset: Int, byteCount: Int, _ mode: SyncMode) throws(MappingError) {
        guard byteCount > 0 else { return }
        if let error = SystemCalls.sync(address(offset, byteCount), byteCount, waits: mode != .asynchronous) {
            throw MappingError(.sync, error)
        }
    }

    /// Allows or forbids writing to a mapped range.
    public func protect(at offset: Int, byteCount: Int, allowsWriting: Bool) throws(MappingError) {
        guard byteCount > 0 else { return }
        let protection = allowsWriting ? SystemCalls.readWrite : SystemCalls.readOnly
        if let error = SystemCalls.protect(address(offset, byteCount), byteCount, protection) {
            throw MappingError(.protect, error)
        }
    }
}
