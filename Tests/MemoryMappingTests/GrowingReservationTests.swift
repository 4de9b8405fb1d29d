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

/// Reservations whose size changes.
@Suite(.progress) struct GrowingReservationTests {
    @Test func addressesBehindTheEndAreTaken() throws {
        let reservation = try AddressReservation(growingFrom: page)
        #expect(reservation.capacity == page)
        let base = reservation.baseAddress
        try reservation.mapAnonymous(byteCount: page, at: 0)
        base.storeBytes(of: 77, as: Int.self)
        for pages in [2, 3, 1000] {
            try reservation.extend(to: pages * page)
            #expect(reservation.capacity == pages * page && reservation.baseAddress == base)
        }
        try reservation.mapAnonymous(byteCount: page, at: 999 * page)
        (base + 1000 * page - 8).storeBytes(of: 5, as: Int.self)
        #expect(base.load(as: Int.self) == 77)
        // A size below the current one changes nothing.
        try reservation.extend(to: page)
        #expect(reservation.capacity == 1000 * page)
    }

    @Test func aNeighbourIsLeftAlone() throws {
        let reservation = try AddressReservation(growingFrom: 2 * page)
        try reservation.extend(to: 3 * page)
        let neighbour = reservation.baseAddress + 3 * page
        try #require(SystemCalls.reserve(page, exactlyAt: neighbour) == nil)
        defer { SystemCalls.unmap(neighbour, page) }
        let error = mappingError { () throws(MappingError) in try reservation.extend(to: 5 * page) }
        #expect(error?.operation == .reserve && error?.isOfNeighbour == true)
        #expect(reservation.capacity == 3 * page)
    }

    @Test func whatIsGivenBackIsFree() throws {
        let reservation = try AddressReservation(growingFrom: 4 * page)
        reservation.giveBack(from: 2 * page)
        #expect(reservation.capacity == 2 * page)
        reservation.giveBack(from: 3 * page)
        #expect(reservation.capacity == 2 * page)
        #expect(SystemCalls.reserve(page, exactlyAt: reservation.baseAddress + 2 * page) == nil)
        SystemCalls.unmap(reservation.baseAddress + 2 * page, page)
        #expect(throws: MappingError.self) { try AddressReservation(growingFrom: 1 << 60) }
    }

    /// A fault in a part that was added later is recorded too, and one behind the released part is
    /// not.
    @Test func theGuardFollowsTheSize() throws {
        try withDirectory { directory in
            _ = try directory.make(pattern(4 * page))
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            let reservation = try AddressReservation(growingFrom: page)
            reservation.guardAgainstFaults()
            try reservation.extend(to: 4 * page)
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 4 * page, at: 0,
                kind: .privateCopy)
            try FileGrowth.truncate(fileDescriptor: descriptor, to: 2 * page)
            #expect(reservation.baseAddress.load(fromByteOffset: 3 * page, as: Int.self) == 0)
            #expect(reservation.firstFault == 3 * page)
        }
    }
}
