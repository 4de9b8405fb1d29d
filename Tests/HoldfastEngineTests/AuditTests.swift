import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// The audit finds damage: each kind is planted in a copy of a sound heap's bytes, at the places
/// that the format defines, and must be reported.
@Suite(.progress) struct AuditTests {
    /// The bytes of a heap with used and free runs, partial slabs of one and of several pages, and
    /// a second part of the page map.
    struct Sample {
        var bytes: [UInt8]
        var usedRun: UInt64 = 0
        var runBetweenFreeRuns: UInt64 = 0
        var freeRun: UInt64 = 0
        var secondFreeRun: UInt64 = 0
        var slab: UInt64 = 0
        var largeSlab: UInt64 = 0

        func half(_ place: Int) -> UInt32 {
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
        }

        mutating func setHalf(_ place: Int, _ value: UInt32) {
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: value, toByteOffset: place, as: UInt32.self)
            }
        }

        /// The descriptors of pages below 256.
        func descriptor(_ page: UInt64) -> Int { 3 * 4096 + Int(page) * 16 }
        /// The bytes of a page.
        func at(_ page: UInt64) -> Int { Int(page) * 4096 }
        /// The header of `slab`.
        var slabHeader: Int {
            SlabClass.headerOffset(page: slab, sizeClass: SizeClass.index(for: smallBytes))!
        }
        func bin(_ pages: UInt64) -> Int { 8192 + 1024 + FreeRunBins.bin(forRunOf: pages) * 4 }
        func partialList(_ sizeClass: Int) -> Int { 8192 + 64 + sizeClass * 4 }

        var problems: [String] { bytes.withUnsafeBytes { AllocatorAudit($0) }.problems }
    }

    private static let smallBytes = 100
    private static let largeBytes = 3000

    private func sample() throws -> Sample {
        let heap = TestHeap()
        let engine = try heap.open()
        var sample = Sample(bytes: [])
        try engine.change { access in
            func run(_ pages: Int) -> UInt64 { access.allocate(byteCount: pages * 4096) >> 12 }
            sample.usedRun = run(12)
            sample.freeRun = run(10)
            sample.runBetweenFreeRuns = run(11)
            sample.secondFreeRun = run(10)
            _ = run(9)
            sample.slab = access.allocate(byteCount: Self.smallBytes) >> 12
            sample.largeSlab = access.allocate(byteCount: Self.largeBytes) >> 12
            _ = access.allocate(byteCount: Self.largeBytes)
            _ = run(300)
            access.free(sample.secondFreeRun << 12, byteCount: 10 * 4096)
            access.free(sample.freeRun << 12, byteCount: 10 * 4096)
        }
        #expect(try engine.audit().problems.isEmpty)
        try engine.close()
        sample.bytes = heap.disk.currentFiles()[TestHeap.path]!
        return sample
    }

    @Test func soundHeapHasNoProblems() throws {
        let sample = try sample()
        let audit = sample.bytes.withUnsafeBytes { AllocatorAudit($0) }
        #expect(audit.problems.isEmpty)
        #expect(audit.freePages == 20)
        #expect(audit.runPages == 12 + 11 + 9 + 300)
        #expect(audit.runs == 4)
        #expect(audit.metadataPages == 5 + 2)
        let large = SizeClass.index(for: Self.largeBytes)
        #expect(audit.slabs[large] == 1 && audit.blocksInUse[large] == 2)
        #expect(audit.slabPages == UInt64(1 + SizeClass.shapes[large].pages))
        #expect(
            audit.pages == audit.freePages + audit.runPages + audit.slabPages + audit.metadataPages)
    }

    struct Damage: CustomTestStringConvertible {
        var testDescription: String
        /// The expected text of the report.
        var expected: String
        var plant: @Sendable (inout Sample) -> Void

        init(
            _ name: String, _ expected: String, _ plant: @escaping @Sendable (inout Sample) -> Void
        ) {
            testDescription = name
            self.expected = expected
            self.plant = plant
        }
    }

    static let rootDamage: [Damage] = [
        Damage("root's magic", "root is invalid") { $0.bytes[8192] ^= 1 },
        Damage("end beyond the file", "end lies outside") { $0.setHalf(8192 + 8, 1 << 20) },
        Damage("end of three pages", "end lies outside") { $0.setHalf(8192 + 8, 3) },
        Damage("end inside a run", "which the heap's") {
            $0.setHalf(8192 + 8, UInt32($0.usedRun + 3))
        },
        Damage("missing page map part", "has no descriptor") { $0.setHalf(8192 + 448 + 8 * 4, 0) },
        Damage("page map part elsewhere", "is not described as one") {
            $0.setHalf(8192 + 448 + 8 * 4, UInt32($0.usedRun))
        },
        Damage("file cut short", "too short") {
            $0.bytes.removeLast($0.bytes.count - 4 * 4096 + 1)
        },
    ]

    static let runDamage: [Damage] = [
        Damage("run without a kind", "descriptor of kind 0") {
            $0.bytes[$0.descriptor($0.usedRun)] = 0
        },
        Damage("run of an unknown kind", "descriptor of kind 77") {
            $0.bytes[$0.descriptor($0.usedRun)] = 77
        },
        Damage("run of no pages", "has 0 pages") { $0.setHalf($0.descriptor($0.usedRun) + 4, 0) },
        Damage("run beyond the end", "cannot hold") {
            $0.setHalf($0.descriptor($0.usedRun) + 4, 1 << 24)
        },
        Damage("run one page short", "does not say so") {
            $0.setHalf($0.descriptor($0.usedRun) + 4, 11)
        },
        Damage("run's tail of another length", "does not say so") {
            $0.setHalf($0.descriptor($0.usedRun + 11) + 4, 11)
        },
        Damage("run's tail of another kind", "does not say so") {
            $0.bytes[$0.descriptor($0.usedRun + 11)] = 6
        },
        Damage("page map part of another length", "metadata") { sample in
            let part = UInt64(sample.half(8192 + 448 + 8 * 4))
            sample.bytes[sample.descriptor(part)] = 2
        },
    ]

    static let freeRunDamage: [Damage] = [
        Damage("free runs side by side", "not coalesced") { sample in
            sample.bytes[sample.descriptor(sample.runBetweenFreeRuns)] = 1
            sample.bytes[sample.descriptor(sample.runBetweenFreeRuns + 10)] = 6
        },
        Damage("free run in no bin", "is not in any bin") { sample in
            sample.bytes[sample.descriptor(sample.runBetweenFreeRuns)] = 1
            sample.bytes[sample.descriptor(sample.runBetweenFreeRuns + 10)] = 6
        },
        Damage("free run at the end", "reaches the heap's end") { sample in
            sample.setHalf(8192 + 8, UInt32(sample.secondFreeRun + 10))
        },
        Damage("empty bin with a bit", "bit does not say") { $0.bytes[8192 + 384] ^= 1 << 5 },
        Damage("bin with runs without a bit", "bit does not say") {
            $0.bytes[8192 + 384 + 1] ^= 1 << 2
        },
        Damage("bin that leads to a used run", "begins no free run") {
            $0.setHalf($0.bin(10), UInt32($0.usedRun))
        },
        Damage("bin of another length", "is in bin") { sample in
            let head = sample.half(sample.bin(10))
            sample.setHalf(sample.bin(10), 0)
            sample.bytes[8192 + 384 + 1] ^= 1 << 2 | 1 << 3
            sample.setHalf(sample.bin(11), head)
        },
        Damage("list that leads back to itself", "listed twice") { sample in
            let head = UInt64(sample.half(sample.bin(10)))
            sample.setHalf(sample.descriptor(head) + 8, UInt32(head))
        },
        Damage("list cut short", "is not in any bin") { sample in
            sample.setHalf(sample.descriptor(UInt64(sample.half(sample.bin(10)))) + 8, 0)
        },
        Damage("wrong link back", "wrong link back") { sample in
            sample.setHalf(sample.descriptor(UInt64(sample.half(sample.bin(10)))) + 12, 9)
        },
    ]

    static let slabDamage: [Damage] = [
        Damage("slab's magic", "does not match its class") { $0.bytes[$0.slabHeader] ^= 1 },
        Damage("slab's class", "does not match its class") { $0.bytes[$0.slabHeader + 4] ^= 1 },
        Damage("slab's class in the page map", "does not match its class") {
            $0.bytes[$0.descriptor($0.slab) + 1] ^= 1
        },
        Damage("slab's class beyond all", "has class 200") {
            $0.bytes[$0.descriptor($0.slab) + 1] = 200
        },
        Damage("slab's block size", "does not match its class") {
            $0.bytes[$0.slabHeader + 16] ^= 8
        },
        Damage("slab's number of blocks", "does not match its class") {
            $0.bytes[$0.slabHeader + 20] = 255
        },
        Damage("slab's free count", "free blocks, but its bitmap") {
            $0.bytes[$0.slabHeader + 6] -= 1
        },
        Damage("block marked free", "free blocks, but its bitmap") {
            $0.bytes[$0.slabHeader + 24] ^= 1
        },
        Damage("block marked used", "free blocks, but its bitmap") {
            $0.bytes[$0.slabHeader + 24] ^= 2
        },
        Damage("bit beyond the last block", "block it does not have") {
            $0.bytes[$0.slabHeader + 24 + 31] ^= 0x80
        },
        Damage("slab in no list", "is not in any list") {
            $0.setHalf($0.partialList(SizeClass.index(for: smallBytes)), 0)
        },
        Damage("slab in another class's list", "is no partial slab of it") { sample in
            sample.setHalf(sample.partialList(SizeClass.index(for: smallBytes)), 0)
            sample.setHalf(sample.partialList(3), UInt32(sample.slab))
        },
        Damage("list that leads to a run", "is no partial slab of it") {
            $0.setHalf($0.partialList(0), UInt32($0.usedRun))
        },
        Damage("slab listed twice", "listed twice") {
            $0.setHalf($0.slabHeader + 8, UInt32($0.slab))
        },
        Damage("slab's wrong link back", "wrong link back") { $0.setHalf($0.slabHeader + 12, 7) },
        Damage("page of a large slab", "does not lead to its slab") {
            $0.bytes[$0.descriptor($0.largeSlab + 1)] = 0
        },
        Damage("page of a large slab, distance", "does not lead to its slab") {
            $0.setHalf($0.descriptor($0.largeSlab + 1) + 4, 2)
        },
    ]

    @Test(arguments: rootDamage + runDamage + freeRunDamage + slabDamage)
    func plantedDamageIsFound(damage: Damage) throws {
        var sample = try sample()
        damage.plant(&sample)
        let problems = sample.problems
        #expect(problems.contains { $0.contains(damage.expected) }, "reported: \(problems)")
    }

    /// Whatever the bytes are, the audit terminates and stays inside them.
    @Test func anyBytesAreSurvived() throws {
        let sound = try sample()
        var random = SplitMix(state: 5)
        for round in 0 ..< 300 {
            var damaged = sound
            for _ in 0 ..< Int.random(in: 1 ... 8, using: &random) {
                // The root, the page map and the slabs' headers.
                let places = [
                    8192 + Int.random(in: 0 ..< 2048, using: &random),
                    3 * 4096 + Int.random(in: 0 ..< 4096, using: &random),
                    damaged.slabHeader + Int.random(in: 0 ..< 64, using: &random),
                    damaged.at(damaged.largeSlab) + Int.random(in: 0 ..< 64, using: &random),
                ]
                damaged.bytes[places.randomElement(using: &random)!] = UInt8.random(
                    in: 0 ... 255, using: &random)
            }
            // Some of these change unused bytes, so only termination is tested.
            #expect(damaged.problems.count <= 20, "round \(round)")
        }
    }
}
