import Dispatch
import Synchronization
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

@Suite(.progress) struct FileGrowthTests {
    static let granules = [1, 4096, 65536, 100_000, 1 << 20]

    /// Sizes around every power of two, and the largest values.
    static let sizes: [Int] = {
        let largest: [Int] = [.max, .max - 1, .max - 65535, .max / 8 * 7, .max / 9 * 8]
        let aroundPowers = (0 ..< 63).flatMap { (exponent: Int) -> [Int] in
            let power: Int = 1 << exponent
            return [power - 1, power, power + 1]
        }
        return [0] + largest + aroundPowers
    }()

    /// Growth that the disk cannot hold does not take what is left of it, not even for a moment.
    @Test func whatCannotFitTakesNothing() throws {
        let folder = try TemporaryFolder()
        let descriptor = open(folder.file(), O_RDWR | O_CREAT, 0o600)
        defer { close(descriptor) }
        let free = try #require(SystemCalls.freeBytes(descriptor))
        let least = Mutex(Int.max)
        let isOver = Mutex(false)
        let watching = DispatchGroup()
        DispatchQueue(label: "watching").async(group: watching) {
            while !isOver.withLock({ $0 }) {
                let now = SystemCalls.freeBytes(descriptor)?.all ?? .max
                least.withLock { $0 = min($0, now) }
            }
        }
        for _ in 0 ..< 10 {
            #expect {
                try FileGrowth.grow(
                    fileDescriptor: descriptor, from: 0, to: free.all + (10 << 30),
                    reservingBlocks: true)
            } throws: { error in
                let code = (error as? MappingError)?.code
                return code == ENOSPC || code == EFBIG
            }
        }
        isOver.withLock { $0 = true }
        watching.wait()
        // Other tests take some meanwhile.
        #expect(least.withLock { $0 } > free.all - free.available / 2)
        var status = stat()
        #expect(fstat(descriptor, &status) == 0 && status.st_size == 0)
    }

    @Test(arguments: granules)
    func nextSizeIsEnoughAndGeometric(granule: Int) {
        let unit = max(granule, 65536)
        let largest = Int.max - Int.max % unit
        for current in Self.sizes {
            for needed in Self.sizes {
                let next = FileGrowth.nextSize(current: current, needed: needed, granule: granule)
                let wanted = max(
                    needed,
                    current.addingReportingOverflow(current / 8).overflow
                        ? .max : current + current / 8)
                // In whole granules, at least the requested size, unless no such number exists.
                guard next % unit == 0, next >= wanted || next == largest, next <= largest else {
                    Issue.record("nextSize(\(current), \(needed), \(granule)) is \(next)")
                    return
                }
                // And at most one granule too much (the eighth is rounded up by one byte).
                if next < largest { #expect(next - wanted <= unit) }
            }
        }
    }

    @Test func nextSizeNeverFallsWhenMoreIsNeeded() {
        let ascending = Self.sizes.sorted()
        for current in ascending {
            var last = 0
            for needed in ascending {
                let next = FileGrowth.nextSize(current: current, needed: needed, granule: 65536)
                #expect(next >= last)
                last = next
            }
        }
    }

    @Test func growingByteByByteTakesFewSteps() {
        var size = 0
        var steps = 0
        while size < 1 << 40 {
            size = FileGrowth.nextSize(current: size, needed: size + 1, granule: 1 << 16)
            steps += 1
        }
        #expect(steps < 200)
    }

    @Test func aLargestStepBoundsTheSlack() {
        let next = FileGrowth.nextSize(
            current: 1 << 40, needed: (1 << 40) + 1, granule: 65536, maximumStep: 1 << 30)
        #expect(next == (1 << 40) + (1 << 30))
    }

    @Test(arguments: [true, false])
    func growsAndReadsAsZero(reservingBlocks: Bool) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(100))
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: 100, to: 300_001, reservingBlocks: reservingBlocks
            )
            #expect(size(of: descriptor) == 300_001)
            try expectSame(
                TemporaryDirectory.read(path), pattern(100) + [UInt8](repeating: 0, count: 299_901))
            if reservingBlocks { #expect(allocated(by: descriptor) >= 299_901) }
        }
    }

    @Test func notReservingLeavesTheFileSparse() throws {
        try withDirectory { directory in
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: 0, to: 1 << 30, reservingBlocks: false)
            #expect(size(of: descriptor) == 1 << 30)
            #expect(allocated(by: descriptor) < 1 << 20)
        }
    }

    @Test(arguments: [true, false])
    func neverCutsAFileThatIsLongerAlready(reservingBlocks: Bool) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(50_000))
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            try FileGrowth.grow(
                fileDescriptor: descriptor, from: 10, to: 20_000, reservingBlocks: reservingBlocks)
            try expectSame(TemporaryDirectory.read(path), pattern(50_000))
        }
    }

    @Test func truncatesBothWays() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(5000))
            let descriptor = try directory.openFile()
            defer { close(descriptor) }
            try FileGrowth.truncate(fileDescriptor: descriptor, to: 3)
            try FileGrowth.truncate(fileDescriptor: descriptor, to: 5)
            try expectSame(TemporaryDirectory.read(path), pattern(3) + [0, 0])
        }
    }

    @Test func failsOnDescriptorsThatCannotGrow() throws {
        try withDirectory { directory in
            let path = try directory.make([1])
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            defer { close(descriptor) }
            for reserving in [true, false] {
                let error = mappingError { () throws(MappingError) in
                    try FileGrowth.grow(
                        fileDescriptor: descriptor, from: 1, to: 10, reservingBlocks: reserving)
                }
                #expect(error?.operation == .grow)
            }
            #expect(size(of: descriptor) == 1)
            #expect(
                mappingError { () throws(MappingError) in
                    try FileGrowth.truncate(fileDescriptor: descriptor, to: 0)
                }?
                .operation == .truncate)
            #expect(
                mappingError { () throws(MappingError) in
                    try FileGrowth.grow(fileDescriptor: -1, from: 1, to: 10, reservingBlocks: true)
                } == MappingError(.status, code: EBADF))
        }
    }
}
