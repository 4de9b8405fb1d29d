import HoldfastFormat

/// An account of every page of a heap, made from the bytes alone.
///
/// It shares no code with the allocator except the layout's constants. It walks the page map
/// (`PageWalk`) from the first run to the heap's end, then every free list and every slab list, and
/// checks that they agree. Meant for a file at rest or right after a checkpoint, for tests and
/// checking tools. Complexity: O(runs + slabs); it reads only their descriptors and headers.
public struct AllocatorAudit: Equatable, Sendable {
    public var pages: UInt64 = 0
    public var freePages: UInt64 = 0
    public var runPages: UInt64 = 0
    public var slabPages: UInt64 = 0
    /// Headers, allocator root and page map.
    public var metadataPages: UInt64 = 0
    public var runs = 0
    /// Blocks in use and slabs, for each size class.
    public var blocksInUse = [Int](repeating: 0, count: SizeClass.count)
    public var slabs = [Int](repeating: 0, count: SizeClass.count)
    /// Bytes in blocks and runs in use, as allocated (rounded up to classes and pages).
    public var usedBytes: UInt64 = 0
    /// Contradictions found; empty for a sound heap.
    public var problems: [String] = []

    private static let problemLimit = 20

    /// Walks the heap in `heap`, which contains at least the pages up to its end.
    public init(_ heap: UnsafeRawBufferPointer) {
        guard heap.count >= Int(HeapLayout.initialPages) * HeapLayout.pageBytes else {
            problems.append("the file is too short for a heap")
            return
        }
        var examination = Examination(heap: heap)
        examination.run(into: &self)
    }

    fileprivate mutating func report(_ problem: String) {
        if problems.count < Self.problemLimit { problems.append(problem) }
    }

    private struct Examination {
        let heap: UnsafeRawBufferPointer
        var end: UInt64 = 0
        var walk: PageWalk
        /// First pages of the free runs and the slabs in the page map, with the values that the
        /// lists must agree with.
        var freeRuns: [UInt64: UInt64] = [:]
        var partialSlabs: [UInt64: Int] = [:]

        init(heap: UnsafeRawBufferPointer) {
            self.heap = heap
            walk = PageWalk(base: heap.baseAddress!, end: 0)
        }

        func half(_ offset: Int) -> UInt32 {
            offset + 4 <= heap.count
                ? heap.loadUnaligned(fromByteOffset: offset, as: UInt32.self) : 0
        }

        func word(_ offset: Int) -> UInt64 {
            offset + 8 <= heap.count
                ? heap.loadUnaligned(fromByteOffset: offset, as: UInt64.self) : 0
        }

        mutating func run(into audit: inout AllocatorAudit) {
            end = word(8192 + 8)
            guard word(8192) == AllocatorRoot.magic, end >= 5, end <= UInt64(heap.count) / 4096
            else {
                audit.report(
                    "the allocator's root is invalid, or the heap's end lies outside the file")
                return
            }
            audit.pages = end
            walk = PageWalk(base: heap.baseAddress!, end: end)
            walkPages(&audit)
            walkFreeLists(&audit)
            walkSlabLists(&audit)
            checkPageMapParts(&audit)
        }

        mutating func walkPages(_ audit: inout AllocatorAudit) {
            var previousWasFree = false
            while let run = walk.next() {
                let page = UInt64(run.pages.lowerBound)
                let length = UInt64(run.pages.count)
                checkTail(of: page, kind: run.kind, length: length, &audit)
                switch run.kind {
                case .free:
                    if previousWasFree {
                        audit.report("the free runs before and at page \(page) are not coalesced")
                    }
                    if page + length == end {
                        audit.report("the free run at page \(page) reaches the heap's end")
                    }
                    audit.freePages += length
                    freeRuns[page] = length
                case .run:
                    audit.runPages += length
                    audit.usedBytes += length * 4096
                    audit.runs += 1
                case .slab:
                    audit.slabPages += length
                    checkSlab(page, length: length, sizeClass: Int(run.sizeClass), &audit)
                default: audit.metadataPages += length
                }
                previousWasFree = run.kind == .free
            }
            if let failure = walk.failure { report(failure, at: walk.page, &audit) }
        }

        func report(_ failure: PageWalk.Break, at page: UInt64, _ audit: inout AllocatorAudit) {
            switch failure {
            case .missingDescriptor: audit.report("page \(page) has no descriptor")
            case .impossibleLength(let length):
                audit.report(
                    "the run at page \(page) has \(length) pages, which the heap's \(end) cannot hold"
                )
            case .impossibleKind(let kind):
                audit.report(
                    "page \(page) should begin a run, but has a descriptor of kind \(kind)")
            }
        }

        func checkTail(
            of page: UInt64, kind: PageDescriptor.Kind, length: UInt64,
            _ audit: inout AllocatorAudit
        ) {
            guard length > 1 else { return }
            guard let tail = walk.descriptor(page + length - 1) else {
                audit.report("page \(page + length - 1) has no descriptor")
                return
            }
            let expected: (UInt8, UInt32) =
                switch kind {
                case .free: (6, UInt32(length))
                case .run: (7, UInt32(length))
                case .metadata: (8, UInt32(length))
                default: (5, UInt32(length - 1))
                }
            if tail.rawKind != expected.0 || tail.pages != expected.1 {
                audit.report("the last page of the run at page \(page) does not say so")
            }
        }

        /// Possible places of slab headers, for each class: the starts of blocks in the first page
        /// that coincide with the start of a line.
        static let headerPlaces = SizeClass.shapes.map { shape in
            (0 ... shape.blocks).map { $0 * shape.blockBytes }.filter {
                $0 % 64 == 0 && $0 + 64 <= 4096
            }
        }

        /// The offset of a slab's header by the rule of the format: the page's number selects one
        /// of the possible places.
        func headerPlace(_ page: UInt64, _ sizeClass: Int) -> Int? {
            guard sizeClass < SizeClass.count else { return nil }
            let places = Self.headerPlaces[sizeClass]
            let hash = page * 0x9e37_79b1 % (1 << 32)
            return Int(page) * 4096 + places[Int((hash * UInt64(places.count)) >> 32)]
        }

        mutating func checkSlab(
            _ page: UInt64, length: UInt64, sizeClass: Int, _ audit: inout AllocatorAudit
        ) {
            guard let place = headerPlace(page, sizeClass) else {
                audit.report("the slab at page \(page) has class \(sizeClass)")
                return
            }
            let blockBytes = SizeClass.blockBytes(sizeClass)
            let blocks = Int(heap.loadUnaligned(fromByteOffset: place + 20, as: UInt16.self))
            let free = Int(heap.loadUnaligned(fromByteOffset: place + 6, as: UInt16.self))
            let shape = SizeClass.shapes[sizeClass]
            guard half(place) == SlabHeader.magic, Int(heap[place + 4]) == sizeClass,
                Int(half(place + 16)) == blockBytes, blocks == shape.blocks,
                Int(length) == shape.pages,
                Int(heap.loadUnaligned(fromByteOffset: place + 22, as: UInt16.self)) == shape.pages
            else {
                audit.report("the slab at page \(page) has a header that does not match its class")
                return
            }
            var used = 0
            for index in 0 ..< 256 {
                let isSet = word(place + 24 + index / 64 * 8) & (1 << UInt64(index % 64)) != 0
                if index < blocks {
                    used += isSet ? 1 : 0
                } else if !isSet {
                    audit.report(
                        "the slab at page \(page) has a free bit for a block it does not have")
                }
            }
            if used + free != blocks {
                audit.report(
                    "the slab at page \(page) counts \(free) free blocks, but its bitmap "
                        + "\(blocks - used)"
                )
            }
            if length > 1 {
                for distance in 1 ..< length {
                    let interior = walk.descriptor(page + distance)
                    if interior?.rawKind != 5 || UInt64(interior!.pages) != distance {
                        audit.report(
                            "page \(page + distance) does not lead to its slab at page \(page)")
                    }
                }
            }
            audit.slabs[sizeClass] += 1
            audit.blocksInUse[sizeClass] += used
            audit.usedBytes += UInt64(used * blockBytes)
            if free > 0 { partialSlabs[page] = sizeClass }
        }

        mutating func walkFreeLists(_ audit: inout AllocatorAudit) {
            for bin in 0 ..< 256 {
                var page = UInt64(half(8192 + 1024 + bin * 4))
                let bit = word(8192 + 384 + bin / 64 * 8) & (1 << UInt64(bin % 64)) != 0
                if bit != (page != 0) {
                    audit.report("bin \(bin)'s bit does not say whether it has runs")
                }
                var previous: UInt64 = 0
                while page != 0 {
                    guard let length = freeRuns.removeValue(forKey: page),
                        let descriptor = walk.descriptor(page)
                    else {
                        audit.report(
                            "page \(page) is in bin \(bin), but begins no free run (or is listed "
                                + "twice)"
                        )
                        break
                    }
                    if FreeRunBins.bin(forRunOf: length) != bin {
                        audit.report("a free run of \(length) pages is in bin \(bin)")
                    }
                    if UInt64(descriptor.previous) != previous {
                        audit.report("the free run at page \(page) has a wrong link back")
                    }
                    previous = page
                    page = UInt64(descriptor.next)
                }
            }
            for page in freeRuns.keys.sorted() {
                audit.report("the free run at page \(page) is not in any bin")
            }
        }

        mutating func walkSlabLists(_ audit: inout AllocatorAudit) {
            for sizeClass in 0 ..< SizeClass.count {
                var page = UInt64(half(8192 + 64 + sizeClass * 4))
                var previous: UInt64 = 0
                while page != 0 {
                    guard partialSlabs.removeValue(forKey: page) == sizeClass else {
                        audit.report(
                            "page \(page) is in the list of class \(sizeClass), but is no partial "
                                + "slab of it (or is listed twice)"
                        )
                        break
                    }
                    let header = headerPlace(page, sizeClass)!
                    if UInt64(half(header + 12)) != previous {
                        audit.report("the slab at page \(page) has a wrong link back")
                    }
                    previous = page
                    page = UInt64(half(header + 8))
                }
            }
            for page in partialSlabs.keys.sorted() {
                audit.report("the partial slab at page \(page) is not in any list")
            }
        }

        func checkPageMapParts(_ audit: inout AllocatorAudit) {
            // Pages 0-4 are one metadata run. Each part is another: descriptors, and a page for
            // every 511 checksums.
            var expected: UInt64 = 5
            for exponent in 8 ..< 40 where half(8192 + 448 + exponent * 4) != 0 {
                let part = UInt64(half(8192 + 448 + exponent * 4))
                let length =
                    (UInt64(1) << UInt64(exponent - 8)) + ((1 << UInt64(exponent)) + 510) / 511
                expected += length
                if let descriptor = walk.descriptor(part), descriptor.rawKind == 4,
                    UInt64(descriptor.pages) == length
                {
                    continue
                }
                audit.report("the page map's part for 2^\(exponent) pages is not described as one")
            }
            if expected != audit.metadataPages {
                audit.report(
                    "\(audit.metadataPages) metadata pages are described, but \(expected) are known"
                )
            }
        }
    }
}
