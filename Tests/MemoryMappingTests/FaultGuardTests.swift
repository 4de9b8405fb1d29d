import TestSupport
import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files that lose their end while they are mapped. `SignalChainTests` covers the handler's
/// treatment of other signals.
@Suite(.progress) struct FaultGuardTests {
    static let kinds: [MappingKind] = [.readOnly, .privateCopy, .shared]

    // MARK: Mapped files

    @Test(arguments: kinds)
    func readingWhatWasCutOffIsAnErrorThatStays(kind: MappingKind) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(8 * page))
            let file = try MappedFile(path: path, kind: kind)
            #expect(try file.withBytes { $0.byte(7 * page) } == pattern(8 * page)[7 * page])
            truncate(path, off_t(page))
            #expect(file.firstFault == nil)
            #expect(try file.withBytes { $0.byte(5) } == pattern(page)[5])

            var seen: UInt8?
            let error = mappingError { () throws(MappingError) in
                try file.withBytes { bytes in seen = bytes.byte(3 * page + 100) }
            }
            #expect(error == MappingError(.access, path: path, code: EIO))
            #expect(seen == 0)
            #expect(file.firstFault == 3 * page)
            // Also for bytes that are still there, and without calling the closure.
            seen = nil
            let again = mappingError { () throws(MappingError) in
                try file.withBytes { seen = $0.byte(0) }
            }
            #expect(again == error && seen == nil)
            #expect(mappingError { () throws(MappingError) in try file.checkFault() } == error)
            file.close()
            // As the error message advises.
            let reopened = try MappedFile(path: path, kind: kind)
            try expectSame(reopened.withBytes { $0.bytes }, pattern(page))
        }
    }

    @Test(arguments: [MappingKind.privateCopy, .shared])
    func writingWhatWasCutOffIsAnErrorAndReachesNoFile(kind: MappingKind) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(8 * page))
            let file = try MappedFile(path: path, kind: kind)
            truncate(path, off_t(2 * page))
            let error = mappingError { () throws(MappingError) in
                try file.withMutableBytes { $0.set(6 * page, 0xEE) }
            }
            #expect(error == MappingError(.access, path: path, code: EIO))
            #expect(file.firstFault == 6 * page)
            // The stores are lost, so no call may report them as on the disk.
            let sync = mappingError { () throws(MappingError) in try file.sync() }
            #expect(sync == (kind == .shared ? error : nil))
            try expectSame(TemporaryDirectory.read(path), pattern(8 * page).dropLast(6 * page))
        }
    }

    @Test func changesOfAPrivateCopyAreLostWithTheirFile() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(4 * page))
            let file = try MappedFile(path: path, kind: .privateCopy)
            try file.withMutableBytes { $0.set(3 * page, 0xEE) }
            truncate(path, 0)
            #expect(throws: MappingError.self) { try file.withBytes { $0.byte(3 * page) } }
            // After the file has been restored, it can be mapped again.
            _ = try directory.make(pattern(4 * page))
            try file.discardChanges()
            #expect(file.firstFault == nil)
            try expectSame(file.withBytes { $0.bytes }, pattern(4 * page))
        }
    }

    @Test func theFaultComesBeforeTheErrorsOfTheBody() throws {
        struct Confused: Error {}
        try withDirectory { directory in
            let path = try directory.make(pattern(2 * page))
            let file = try MappedFile(path: path, kind: .shared)
            let growable = try GrowableMapping(path: path, reserving: 1 << 20)
            let expected = MappingError(.access, path: path, code: EIO)
            truncate(path, 0)
            #expect(throws: expected) {
                try file.withBytes { bytes throws(Confused) in
                    if bytes.byte(page) == 0 { throw Confused() }
                }
            }
            #expect(throws: expected) {
                try growable.withMutableBytes { bytes throws(Confused) in
                    bytes.set(page, 1)
                    throw Confused()
                }
            }
            let own = MappingError(.open, path: "other", code: ENOENT)
            let error = mappingError { () throws(MappingError) in
                try file.withMutableBytes { (_) throws(MappingError) -> Void in throw own }
            }
            #expect(error == expected)
        }
    }

    @Test(arguments: kinds)
    func aGrowableMappingTellsToo(kind: MappingKind) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(4 * page))
            let mapping = try GrowableMapping(path: path, kind: kind, reserving: 1 << 20)
            if kind != .readOnly { try mapping.grow(to: 5 * page) }
            truncate(path, 0)
            #expect(throws: MappingError(.access, path: path, code: EIO)) {
                try mapping.withBytes { $0.byte(2 * page) }
            }
            #expect(mapping.firstFault == 2 * page)
            #expect(throws: MappingError(.access, path: path, code: EIO)) {
                try mapping.checkFault()
            }
            if kind == .shared {
                #expect(throws: MappingError(.access, path: path, code: EIO)) { try mapping.sync() }
            }
        }
    }

    @Test func anotherMappingOfTheFileHasItsOwnFault() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(2 * page))
            let first = try MappedFile(path: path)
            let second = try MappedFile(path: path)
            truncate(path, off_t(page))
            #expect(throws: MappingError.self) { try first.withBytes { $0.byte(page) } }
            #expect(try second.withBytes { $0.byte(9) } == pattern(page)[9])
        }
    }

    // MARK: Reservations

    @Test func theFirstFaultIsKeptUntilCleared() throws {
        try withCutFile(pages: 8) { reservation, descriptor in
            reservation.guardAgainstFaults()
            reservation.guardAgainstFaults()
            #expect(reservation.firstFault == nil)
            #expect(byte(reservation, 5 * page + 7) == 0)
            #expect(byte(reservation, 2 * page) == 0)
            #expect(reservation.firstFault == 5 * page)
            reservation.clearFault()
            #expect(reservation.firstFault == nil)
            // A replaced page is memory like any other.
            reservation.baseAddress.storeBytes(of: 9, toByteOffset: 5 * page, as: UInt8.self)
            #expect(byte(reservation, 5 * page) == 9 && reservation.firstFault == nil)
            #expect(byte(reservation, 8 * page - 1) == 0)
            #expect(reservation.firstFault == 7 * page)

            // Mapped again, it is the file, and can be lost again.
            #expect(pwrite(descriptor, pattern(8 * page), 8 * page, 0) == 8 * page)
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 8 * page, at: 0, kind: .shared
            )
            reservation.clearFault()
            #expect(byte(reservation, 5 * page) == pattern(8 * page)[5 * page])
            #expect(reservation.firstFault == nil)
            ftruncate(descriptor, 0)
            #expect(byte(reservation, 5 * page) == 0)
            #expect(reservation.firstFault == 5 * page)
        }
    }

    @Test func anAccessAcrossTwoPagesIsTwoFaults() throws {
        try withCutFile(pages: 3) { reservation, _ in
            reservation.guardAgainstFaults()
            let both = reservation.baseAddress.loadUnaligned(
                fromByteOffset: 2 * page - 4, as: UInt64.self)
            #expect(both == 0)
            let fault = try #require(reservation.firstFault)
            #expect(fault == page || fault == 2 * page)
        }
    }

    @Test func errnoStaysAsItWas() throws {
        try withCutFile(pages: 4) { reservation, _ in
            reservation.guardAgainstFaults()
            errno = EXDEV
            let value = byte(reservation, 2 * page)
            let code = errno
            #expect(value == 0 && code == EXDEV && reservation.firstFault == 2 * page)
        }
    }

    @Test func withoutAGuardThereIsNoFaultToAskFor() throws {
        let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
        #expect(reservation.firstFault == nil)
        reservation.clearFault()
        #expect(reservation.firstFault == nil)
    }

    /// All threads of a round touch the same pages in different orders, so that many faults
    /// coincide.
    @Test func threadsThatFaultAtOnceAllGoOn() async throws {
        for round in 0 ..< 10 {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                let pages = 64
                let (reservation, descriptor) = try cutFile(pages: pages)
                defer { close(descriptor) }
                for task in 0 ..< 8 {
                    group.addTask {
                        // Concurrent registration is part of the test.
                        reservation.guardAgainstFaults()
                        var sum = 0
                        for step in 0 ..< pages - 1 {
                            let index = 1 + (step * 5 + task * 11 + round) % (pages - 1)
                            sum += Int(byte(reservation, index * page + task))
                        }
                        return sum == 0 && reservation.firstFault != nil
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test func everyThreadsFaultIsFoundInItsOwnReservation() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for task in 1 ... 8 {
                group.addTask {
                    for round in 0 ..< 50 {
                        let (reservation, descriptor) = try cutFile(pages: 16)
                        defer { close(descriptor) }
                        reservation.guardAgainstFaults()
                        let index = 1 + (task + round) % 15
                        guard reservation.firstFault == nil, byte(reservation, index * page) == 0,
                            reservation.firstFault == index * page
                        else { return false }
                    }
                    return true
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func rangesAreUsedAgain() throws {
        func used() -> Int { FaultGuard.rangeCount }
        let many = try (0 ..< 3000).map { _ in
            let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
            reservation.guardAgainstFaults()
            return reservation
        }
        let peak = used()
        #expect(peak >= many.count)
        // The last of many is found too.
        try withCutFile(pages: 2) { reservation, _ in
            reservation.guardAgainstFaults()
            #expect(byte(reservation, page) == 0 && reservation.firstFault == page)
        }
        #expect(many.allSatisfy { $0.firstFault == nil })
        withExtendedLifetime(many) {}
    }

    @Test func manyComingAndGoingTakeNoMoreRangesThanLiveAtOnce() async {
        // In a process of its own, where no other test registers ranges.
        await #expect(processExitsWith: .success) {
            for _ in 0 ..< 10_000 {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                reservation.guardAgainstFaults()
            }
            // One for the rehearsal and the first, if they were not the same.
            guard FaultGuard.rangeCount <= 2 else { fatalError("\(FaultGuard.rangeCount) ranges") }
        }
    }
}

/// A reservation with a file of which only the first page is left; the file has no name any more.
func cutFile(pages: Int) throws -> (AddressReservation, descriptor: Int32) {
    try withDirectory { directory in
        _ = try directory.make(pattern(pages * page))
        let descriptor = try directory.openFile()
        let reservation = try AddressReservation(
            preferredBytes: pages * page, minimumBytes: pages * page)
        try reservation.map(
            fileDescriptor: descriptor, fileOffset: 0, byteCount: pages * page, at: 0, kind: .shared
        )
        ftruncate(descriptor, off_t(page))
        return (reservation, descriptor)
    }
}

private func withCutFile(pages: Int, _ body: (AddressReservation, Int32) throws -> Void) throws {
    let (reservation, descriptor) = try cutFile(pages: pages)
    defer { close(descriptor) }
    try body(reservation, descriptor)
}

/// Not inlined, so that no load is moved or eliminated.
@inline(never)
private func byte(_ reservation: AddressReservation, _ offset: Int) -> UInt8 {
    reservation.baseAddress.load(fromByteOffset: offset, as: UInt8.self)
}
