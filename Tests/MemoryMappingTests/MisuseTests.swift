import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Programming errors trap with a message. Each runs in a child process; a child that dies cannot
/// clean up, so its files lose their names first.
@Suite struct MisuseTests {
    @Test func useAfterCloseTraps() async {
        await says(
            "used after it had been closed",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let file = try mappedFile(.readOnly)
                file.close()
                try file.withBytes { _ in }
            })
        await says(
            "used after it had been closed",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let file = try mappedFile(.shared)
                file.close()
                try file.sync()
            })
    }

    @Test func closingUnderASpanTraps() async {
        await says(
            "let that return first",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let file = try mappedFile(.readOnly)
                try file.withBytes { _ in file.close() }
            })
        await says(
            "let that return first",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let file = try mappedFile(.shared)
                try file.withMutableBytes { _ in file.close() }
            })
    }

    @Test func readingAndChangingAtOnceTraps() async {
        await says(
            "let that return first",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let file = try mappedFile(.privateCopy)
                try file.withBytes { _ in try file.withMutableBytes { _ in } }
            })
        await says(
            "let that return first",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let memory = try AnonymousMapping(byteCount: 10)
                memory.withMutableBytes { _ in memory.withBytes { _ in } }
            })
        await says(
            "let that return first",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let mapping = try GrowableMapping(anonymousBytes: 10)
                try mapping.withBytes { _ in try mapping.shrink(to: 1) }
            })
    }

    @Test func changingAReadOnlyMappingTraps() async {
        await says(
            "is mapped read-only",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                try mappedFile(.readOnly).withMutableBytes { _ in }
            })
    }

    @Test func rangesOutsideAReservationTrap() async {
        // Short enough by itself, but not from that offset.
        await says(
            "are not whole pages inside",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(
                    preferredBytes: 2 * page, minimumBytes: 2 * page)
                try reservation.mapAnonymous(byteCount: 2 * page, at: page)
            })
        await says(
            "are not whole pages inside",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                try reservation.mapAnonymous(byteCount: 2 * page, at: 0)
            })
        await says(
            "are not whole pages inside",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                try reservation.mapAnonymous(byteCount: Int.max, at: page)
            })
        await says(
            "are not whole pages inside",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                try reservation.unmap(at: 0, byteCount: -1)
            })
        await says(
            "are not whole pages inside",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                try reservation.protect(at: 1, byteCount: 1, .readOnly)
            })
        await says(
            "a multiple of the page size",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
                try reservation.map(
                    fileDescriptor: 0, fileOffset: 1, byteCount: 1, at: 0, kind: .readOnly)
            })
    }

    @Test func impossibleSizesTrap() async {
        await says(
            "cannot grow from 10 to 5",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                try FileGrowth.grow(fileDescriptor: 0, from: 10, to: 5, reservingBlocks: false)
            })
        await says(
            "cannot shrink to 11",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                try GrowableMapping(anonymousBytes: 10).shrink(to: 11)
            })
        await says(
            "sizes must not be negative",
            #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = SystemPage.roundUp(-1)
            })
    }

    /// Checks that the message came before the end.
    private func says(
        _ words: String, _ result: ExitTest.Result?, at location: SourceLocation = #_sourceLocation
    ) {
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("MemoryMapping: ") && text.contains(words), sourceLocation: location)
    }

    // The next three end with a processor fault, not with a message: they show that nothing was
    // reachable.

    @Test func addressesWithoutMappingCannotBeRead() async {
        await #expect(processExitsWith: .failure) {
            let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
            // The value is used, or the optimiser would eliminate the load; a readable page would
            // be zero.
            exit(Int32((reservation.baseAddress + 8).load(as: UInt8.self)))
        }
        await #expect(processExitsWith: .failure) {
            let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
            try reservation.mapAnonymous(byteCount: page, at: 0)
            try reservation.unmap(at: 0, byteCount: page)
            // The value is used, or the optimiser would eliminate the load; a readable page would
            // be zero.
            exit(Int32((reservation.baseAddress + 8).load(as: UInt8.self)))
        }
    }

    @Test func readOnlyMemoryCannotBeWritten() async {
        await #expect(processExitsWith: .failure) {
            let reservation = try AddressReservation(preferredBytes: page, minimumBytes: page)
            try reservation.mapAnonymous(byteCount: page, at: 0)
            try reservation.protect(at: 0, byteCount: page, .readOnly)
            reservation.baseAddress.storeBytes(of: 1, as: UInt8.self)
            exit(EXIT_SUCCESS)
        }
    }
}

/// A mapped file that has already lost its name.
private func mappedFile(_ kind: MappingKind) throws -> MappedFile {
    try withDirectory { try MappedFile(path: try $0.make([1, 2, 3]), kind: kind) }
}
