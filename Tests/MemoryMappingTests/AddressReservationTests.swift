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

@Suite(.progress) struct AddressReservationTests {
    @Test func reservesWhatIsAskedInWholePages() throws {
        let reservation = try AddressReservation(preferredBytes: page + 1, minimumBytes: 1)
        #expect(reservation.capacity == 2 * page)
        #expect(Int(bitPattern: reservation.baseAddress) % page == 0)
    }

    @Test(arguments: [1 << 62, Int.max])
    func fallsBackWhenTooMuchIsAsked(bytes: Int) throws {
        let reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: 1 << 20)
        #expect(reservation.capacity < 1 << 62)
        #expect(reservation.capacity >= 1 << 20)
        #expect(reservation.capacity % page == 0)
    }

    @Test(arguments: [1 << 62, Int.max])
    func failsWhenEvenTheLeastIsTooMuch(bytes: Int) {
        let error = mappingError { () throws(MappingError) in
            try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
        }
        #expect(error == MappingError(.reserve, code: ENOMEM))
    }

    @Test func aPrivateCopyNeverReachesTheFile() throws {
        try withFile(pattern(2 * page)) { path, descriptor in
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 2 * page, at: page,
                kind: .privateCopy)
            let bytes = reservation.baseAddress + page
            #expect(bytes.load(fromByteOffset: page, as: UInt8.self) == pattern(2 * page)[page])
            bytes.storeBytes(of: 0xEE, toByteOffset: page, as: UInt8.self)
            #expect(bytes.load(fromByteOffset: page, as: UInt8.self) == 0xEE)
            try reservation.sync(at: page, byteCount: 2 * page, .synchronous)
            try expectSame(TemporaryDirectory.read(path), pattern(2 * page))
        }
    }

    @Test func aFileByItself() throws {
        try withFile(pattern(3 * page)) { path, descriptor in
            let reservation = try AddressReservation(
                mapping: descriptor, byteCount: 2 * page, kind: .privateCopy)
            #expect(reservation.capacity == 2 * page)
            #expect(
                Array(UnsafeRawBufferPointer(start: reservation.baseAddress, count: 2 * page))
                    == Array(pattern(3 * page)[..<(2 * page)]))
            reservation.baseAddress.storeBytes(of: 0xEE, as: UInt8.self)
            try expectSame(TemporaryDirectory.read(path), pattern(3 * page))
            // Like any reservation.
            try reservation.mapAnonymous(byteCount: page, at: page)
            #expect(reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self) == 0)
        }
        let error = mappingError { () throws(MappingError) in
            try AddressReservation(mapping: -1, byteCount: page, kind: .readOnly)
        }
        #expect(error == MappingError(.map, code: EBADF))
    }

    @Test func aPageNotYetCopiedShowsTheNewestFile() throws {
        // The engine's checkpoints depend on this, so it is tested here.
        try withFile(pattern(2 * page)) { _, descriptor in
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 2 * page, at: 0,
                kind: .privateCopy)
            reservation.baseAddress.storeBytes(of: 1, as: UInt8.self)
            #expect(
                reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self)
                    == pattern(2 * page)[page])
            let news = [UInt8](repeating: 0x55, count: 2 * page)
            #expect(pwrite(descriptor, news, news.count, 0) == news.count)
            #expect(reservation.baseAddress.load(as: UInt8.self) == 1)
            #expect(reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self) == 0x55)
        }
    }

    @Test func aSharedWriteIsTheFiles() throws {
        try withFile(pattern(page)) { path, descriptor in
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: page, at: 0, kind: .shared)
            reservation.baseAddress.storeBytes(of: 0xEE, toByteOffset: 9, as: UInt8.self)
            #expect(try TemporaryDirectory.read(path)[9] == 0xEE)
            for mode in [SyncMode.asynchronous, .synchronous, .throughToDevice] {
                try reservation.sync(at: 0, byteCount: page, mode)
            }
        }
    }

    @Test func oneRangeMappedTwiceIsARing() throws {
        try withFile([UInt8](repeating: 0, count: 4 * page)) { path, descriptor in
            let reservation = try small()
            // Behind a page for a header, the ring of three pages twice.
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 4 * page, at: 0, kind: .shared
            )
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: page, byteCount: 3 * page, at: 4 * page,
                kind: .shared)
            let ring = reservation.baseAddress + page
            let record = pattern(page + 100, seed: 3)
            let start = 3 * page - 50
            record.withUnsafeBytes {
                (ring + start).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
            }
            let head = (0 ..< record.count - 50).map {
                ring.load(fromByteOffset: $0, as: UInt8.self)
            }
            expectSame(head, Array(record[50...]))
            let file = try TemporaryDirectory.read(path)
            expectSame(Array(file[(page + start)...]), Array(record[..<50]))
            expectSame(Array(file[page ..< 2 * page + 50]), Array(record[50...]))
        }
    }

    @Test func aPartOfTheLastPageIsEnough() throws {
        try withFile(pattern(page + 10)) { _, descriptor in
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: page, byteCount: 10, at: page,
                kind: .readOnly)
            #expect(
                reservation.baseAddress.load(fromByteOffset: page + 9, as: UInt8.self)
                    == pattern(page + 10)[page + 9])
            #expect(reservation.baseAddress.load(fromByteOffset: page + 10, as: UInt8.self) == 0)
        }
    }

    @Test func mappingsAreReplacedInPlace() throws {
        try withFile(pattern(page)) { _, descriptor in
            let reservation = try small()
            try reservation.mapAnonymous(byteCount: 3 * page, at: 0)
            reservation.baseAddress.storeBytes(of: 7, toByteOffset: page, as: UInt8.self)
            reservation.baseAddress.storeBytes(of: 8, toByteOffset: 2 * page, as: UInt8.self)
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: page, at: page,
                kind: .readOnly)
            #expect(
                reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self)
                    == pattern(page)[0])
            #expect(reservation.baseAddress.load(fromByteOffset: 2 * page, as: UInt8.self) == 8)
            try reservation.unmap(at: 0, byteCount: 2 * page)
            try reservation.mapAnonymous(byteCount: 2 * page, at: 0)
            #expect(reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self) == 0)
        }
    }

    @Test func theMappingOutlivesTheDescriptor() throws {
        try withDirectory { directory in
            _ = try directory.make(pattern(page))
            let descriptor = try directory.openFile()
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: page, at: 0, kind: .readOnly)
            close(descriptor)
            #expect(
                reservation.baseAddress.load(fromByteOffset: 5, as: UInt8.self) == pattern(page)[5])
        }
    }

    #if os(Linux)
        @Test func dontNeedDropsPrivateChanges() throws {
            try withFile(pattern(2 * page)) { _, descriptor in
                let reservation = try small()
                try reservation.map(
                    fileDescriptor: descriptor, fileOffset: 0, byteCount: 2 * page, at: 0,
                    kind: .privateCopy)
                try reservation.mapAnonymous(byteCount: page, at: 2 * page)
                for offset in [0, page, 2 * page] {
                    reservation.baseAddress.storeBytes(
                        of: 0xEE, toByteOffset: offset, as: UInt8.self)
                }
                try reservation.advise(at: page, byteCount: 2 * page, .dontNeed)
                #expect(reservation.baseAddress.load(as: UInt8.self) == 0xEE)
                #expect(
                    reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self)
                        == pattern(2 * page)[page])
                #expect(reservation.baseAddress.load(fromByteOffset: 2 * page, as: UInt8.self) == 0)
            }
        }

        @Test func adviceForAddressesWithoutMappingIsAnError() throws {
            let reservation = try small()
            let error = mappingError { () throws(MappingError) in
                try reservation.advise(at: 0, byteCount: page, .populateWrite)
            }
            #expect(error?.operation == .advise)
        }
    #endif

    @Test(arguments: MemoryAdvice.allCases)
    func everyAdviceIsTaken(advice: MemoryAdvice) throws {
        try withFile(pattern(4 * page)) { _, descriptor in
            let reservation = try small()
            try reservation.mapAnonymous(byteCount: 4 * page, at: 0)
            try reservation.advise(at: 0, byteCount: 4 * page, advice)
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: 4 * page, at: 0,
                kind: .privateCopy)
            // Some kernels refuse huge pages for files.
            if advice != .hugePage { try reservation.advise(at: 0, byteCount: 4 * page, advice) }
            #expect(
                reservation.baseAddress.load(fromByteOffset: page, as: UInt8.self)
                    == pattern(4 * page)[page])
        }
    }

    @Test func protectionComesAndGoes() throws {
        try withFile(pattern(page)) { path, descriptor in
            let reservation = try small()
            try reservation.map(
                fileDescriptor: descriptor, fileOffset: 0, byteCount: page, at: 0, kind: .shared)
            try reservation.protect(at: 0, byteCount: page, .readOnly)
            #expect(reservation.baseAddress.load(as: UInt8.self) == pattern(page)[0])
            try reservation.protect(at: 0, byteCount: page, .readWrite)
            reservation.baseAddress.storeBytes(of: 5, as: UInt8.self)

            let readable = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(readable) }
            try reservation.map(
                fileDescriptor: readable, fileOffset: 0, byteCount: page, at: 0, kind: .readOnly)
            let error = mappingError { () throws(MappingError) in
                try reservation.protect(at: 0, byteCount: page, .readWrite)
            }
            #expect(error == MappingError(.protect, code: EACCES))
        }
    }

    @Test func aFailedMapLeavesWhatWasThere() throws {
        let reservation = try small()
        try reservation.mapAnonymous(byteCount: page, at: 0)
        reservation.baseAddress.storeBytes(of: 9, as: UInt8.self)
        let error = mappingError { () throws(MappingError) in
            try reservation.map(
                fileDescriptor: -1, fileOffset: 0, byteCount: page, at: 0, kind: .shared)
        }
        #expect(error?.operation == .map)
        #expect(reservation.baseAddress.load(as: UInt8.self) == 9)
    }

    @Test func noBytesAreNothingToDo() throws {
        let reservation = try small()
        try reservation.map(
            fileDescriptor: -1, fileOffset: 0, byteCount: 0, at: reservation.capacity, kind: .shared
        )
        try reservation.mapAnonymous(byteCount: 0, at: 0)
        try reservation.unmap(at: 0, byteCount: 0)
        try reservation.advise(at: 0, byteCount: 0, .populateWrite)
        try reservation.sync(at: 0, byteCount: 0, .synchronous)
        try reservation.protect(at: 0, byteCount: 0, .readWrite)
    }

    private func small() throws -> AddressReservation {
        try AddressReservation(preferredBytes: 16 * page, minimumBytes: 16 * page)
    }

    private func withFile(_ bytes: [UInt8], _ body: (String, Int32) throws -> Void) throws {
        try withDirectory { directory in
            let path = try directory.make(bytes)
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            try body(path, descriptor)
        }
    }
}
