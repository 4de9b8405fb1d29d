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

@Suite(.progress) struct GrowableMappingTests {
    /// Small, so that many concurrent tests fit into the address space.
    private static let room = 1 << 30

    @Test(arguments: [true, false])
    func aSharedFileGrowsWithoutMoving(reservingBlocks: Bool) throws {
        try withDirectory { directory in
            let path = try directory.make([])
            let mapping = try GrowableMapping(
                path: path, reservingBlocks: reservingBlocks, reserving: Self.room)
            let base = mapping.unsafeBaseAddress
            var count = 0
            for round in 1 ... 60 {
                let newCount = count + round * 997
                try mapping.grow(to: newCount)
                #expect(mapping.count == newCount && mapping.unsafeBaseAddress == base)
                try mapping.withMutableBytes { bytes in
                    for offset in count ..< newCount {
                        bytes.set(offset, UInt8(truncatingIfNeeded: offset &* 7 &+ round))
                    }
                }
                count = newCount
            }
            try mapping.sync(.throughToDevice)
            let contents = try mapping.withBytes { $0.bytes }
            let file = try TemporaryDirectory.read(path)
            // Growth is geometric, so the file is longer, with zeros, until the excess is
            // truncated.
            expectSame(Array(file[..<count]), contents)
            #expect(file[count...].allSatisfy { $0 == 0 })
            try mapping.shrink(to: count)
            try expectSame(TemporaryDirectory.read(path), contents)
        }
    }

    @Test func aPrivateCopyGrowsInMemoryOnly() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(5000))
            let mapping = try GrowableMapping(path: path, kind: .privateCopy, reserving: Self.room)
            try mapping.grow(to: 100_000)
            try mapping.withMutableBytes { bytes in
                bytes.set(0, 0xEE)
                bytes.set(99_999, 0xEE)
            }
            var expected = pattern(5000) + [UInt8](repeating: 0, count: 95_000)
            expected[0] = 0xEE
            expected[99_999] = 0xEE
            try expectSame(mapping.withBytes { $0.bytes }, expected)
            try mapping.sync()
            try mapping.shrink(to: 10)
            try expectSame(TemporaryDirectory.read(path), pattern(5000))
        }
    }

    @Test func whatGrowsReadsAsZeroAlsoAfterShrinking() throws {
        try withDirectory { directory in
            let mappings = [
                try GrowableMapping(anonymousBytes: 0, reserving: Self.room),
                try GrowableMapping(path: try directory.make("shared", []), reserving: Self.room),
                try GrowableMapping(
                    path: try directory.make("private", []), kind: .privateCopy,
                    reserving: Self.room),
            ]
            for mapping in mappings {
                // An array serves as the model.
                var model: [UInt8] = []
                for target in [
                    10, 100, 5, page, page - 1, 3 * page + 7, 2 * page, 2 * page + 1, 1, 0, 70_000,
                    0, 3,
                ] {
                    if target >= model.count {
                        try mapping.grow(to: target)
                        model += [UInt8](repeating: 0, count: target - model.count)
                    } else {
                        try mapping.shrink(to: target)
                        model.removeLast(model.count - target)
                    }
                    #expect(mapping.count == target)
                    try expectSame(mapping.withBytes { $0.bytes }, model)
                    let fill = UInt8(truncatingIfNeeded: target | 1)
                    try mapping.withMutableBytes { bytes in
                        for offset in 0 ..< bytes.byteCount { bytes.set(offset, fill) }
                    }
                    model = [UInt8](repeating: fill, count: target)
                }
            }
        }
    }

    @Test func aPrivateCopyGrowsWithZerosEvenIfTheFileGotLonger() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(10))
            let mapping = try GrowableMapping(path: path, kind: .privateCopy, reserving: Self.room)
            _ = try directory.make(pattern(page))
            try mapping.grow(to: 20)
            try expectSame(
                mapping.withBytes { $0.bytes }, pattern(10) + [UInt8](repeating: 0, count: 10))
        }
    }

    @Test func growingToLessIsNothing() throws {
        let mapping = try GrowableMapping(anonymousBytes: 100, reserving: Self.room)
        try mapping.grow(to: 50)
        #expect(mapping.count == 100)
        #expect(mapping.path == nil && mapping.kind == .privateCopy)
    }

    @Test func beyondTheReservationIsAnErrorAndNothingChanges() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(10))
            let mapping = try GrowableMapping(path: path, reserving: 1 << 20)
            #expect(mapping.capacity == 1 << 20)
            for bytes in [mapping.capacity + 1, Int.max] {
                let error = mappingError { () throws(MappingError) in try mapping.grow(to: bytes) }
                #expect(error == MappingError(.grow, path: path, code: ENOMEM))
            }
            #expect(mapping.count == 10)
            try expectSame(TemporaryDirectory.read(path), pattern(10))
            // To the very end and no further, although the geometric step is larger.
            try mapping.grow(to: mapping.capacity)
            try mapping.withMutableBytes { $0.set((1 << 20) - 1, 1) }
            #expect(try TemporaryDirectory.read(path).count == 1 << 20)
        }
    }

    @Test func twoMappingsOfOneFileDoNotCutEachOther() throws {
        try withDirectory { directory in
            let path = try directory.make([])
            let first = try GrowableMapping(path: path, reserving: Self.room)
            let second = try GrowableMapping(path: path, reserving: Self.room)
            try first.grow(to: 1 << 20)
            try first.withMutableBytes { $0.set((1 << 20) - 1, 7) }
            try second.grow(to: 100)
            try second.grow(to: 1 << 20)
            #expect(try second.withBytes { $0.byte((1 << 20) - 1) } == 7)
        }
    }

    @Test func aReadOnlyMappingShowsTheFile() throws {
        try withDirectory { directory in
            let mapping = try GrowableMapping(
                path: try directory.make(pattern(9000)), kind: .readOnly, reserving: Self.room)
            try mapping.advise(.sequential)
            try mapping.sync()
            try expectSame(mapping.withBytes { $0.bytes }, pattern(9000))
            try mapping.shrink(to: 10)
            try expectSame(mapping.withBytes { $0.bytes }, pattern(10))
            try expectSame(TemporaryDirectory.read(directory.file()), pattern(9000))
        }
    }
}

@Suite(.progress) struct AnonymousMappingTests {
    @Test(arguments: [0, 1, 4096, 100_000])
    func isZeroThenHoldsWhatIsWritten(count: Int) throws {
        let mapping = try AnonymousMapping(byteCount: count)
        #expect(mapping.count == count)
        expectSame(mapping.withBytes { $0.bytes }, [UInt8](repeating: 0, count: count))
        mapping.withMutableBytes { bytes in
            for offset in 0 ..< bytes.byteCount { bytes.set(offset, 3) }
        }
        expectSame(mapping.withBytes { $0.bytes }, [UInt8](repeating: 3, count: count))
        try mapping.clear()
        expectSame(mapping.withBytes { $0.bytes }, [UInt8](repeating: 0, count: count))
        try mapping.advise(.populateWrite)
        try mapping.advise(.dontNeed)
        #expect(Int(bitPattern: mapping.unsafeBaseAddress) % page == 0)
    }

    @Test func moreThanThereIsIsAnError() {
        for bytes in [1 << 62, Int.max] {
            let error = mappingError { () throws(MappingError) in
                try AnonymousMapping(byteCount: bytes)
            }
            #expect(error == MappingError(.reserve, code: ENOMEM))
        }
    }

    @Test func takesMemoryOnlyWhereTouched() throws {
        let mapping = try AnonymousMapping(byteCount: 1 << 40)
        mapping.withMutableBytes { $0.set((1 << 40) - 1, 1) }
        #expect(mapping.withBytes { $0.byte((1 << 40) - 1) } == 1)
    }
}
