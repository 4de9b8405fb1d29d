import HoldfastEngine
import HoldfastFormat

// Verifying a map that may be damaged: the header, the directory, the segments and chunks, and that
// a search would find every key at its place.
extension PersistentMap {
    /// Verifies the map whose header is at `offset`, and everything in it.
    static func verify(mapAt offset: UInt64, in verification: inout some BlockVerifier) {
        guard
            verification.claim(
                offset, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes,
                "a map's header")
        else { return }
        let header = verification.load(offset, as: Header.self)
        guard header.magic == Header.magic else {
            return verification.report("the header of a map has a wrong magic number")
        }
        guard header.depth <= 32 else {
            return verification.report("a map's directory has an invalid depth of \(header.depth)")
        }
        let depth = Int(header.depth)
        var visit = Visit(verification.partToVisit())
        if case .nothing = visit.part.choice { return }
        if depth > 0 {
            guard
                verification.claim(
                    header.table, byteCount: 8 << depth, alignment: 8, "a map's directory")
            else { return }
            guard verifyDirectory(at: header.table, depth: depth, &visit, in: &verification)
            else { return }
        } else if header.table != 0 {
            guard
                verify(
                    MapSegment(word: header.table), prefix: 0, depth: 0, &visit, in: &verification)
            else { return }
        }
        // A walk that ends early has not counted all entries, but never more than there are.
        if visit.isWhole ? visit.count != header.count : visit.count > header.count {
            verification.report("a map has a count of \(header.count) but \(visit.count) entries")
        }
    }

    /// The progress of a verification that visits a part of the map: whole segments.
    private struct Visit {
        let part: VisitedPart
        /// The entries of the segments visited so far.
        var count: UInt64 = 0
        /// Whether no segment has been left out.
        private(set) var isWhole = true
        /// Whether the segment after the last visited entry has been visited too: an iteration
        /// fetches it ahead.
        private var isAhead = false

        init(_ part: VisitedPart) { self.part = part }

        /// Returns whether to visit the next segment of an iteration.
        mutating func goesOn() -> Bool {
            guard case .elements(let range) = part.choice, count >= range.upperBound else {
                return true
            }
            if isAhead { isWhole = false }
            defer { isAhead = true }
            return !isAhead
        }

        /// Begins a visit of one segment alone.
        mutating func leaveOutOthers() { isWhole = false }

        /// Whether the value of the next entry is visited, and not only its key.
        var visitsValue: Bool {
            switch part.choice {
            case .everything: true
            case .nothing, .key: false
            case .elements(let range): range.contains(Int(count))
            }
        }
    }

    /// Verifies that every directory entry leads to a segment, and that entries lead to the same
    /// segment if and only if they share its bits.
    private static func verifyDirectory(
        at table: UInt64, depth: Int, _ visit: inout Visit,
        in verification: inout some BlockVerifier
    ) -> Bool {
        var entry = 0
        var end = 1 << depth
        if case .key(let key as Key) = visit.part.choice {
            // Only the segment in which a search would look for it.
            let hash = Key.withProbe(key) { Key.hash($0, seed: verification.access.hashSeed) }
            visit.leaveOutOthers()
            entry = Int(hash >> UInt64(64 - depth))
            let segment = MapSegment(
                word: verification.load(table + UInt64(entry * 8), as: UInt64.self))
            // The first of the entries that lead there.
            if segment.localDepth <= depth {
                entry &= ~(1 << (depth - segment.localDepth) - 1)
            }
            end = entry + 1
        }
        while entry < end, visit.goesOn() {
            let segment = MapSegment(
                word: verification.load(table + UInt64(entry * 8), as: UInt64.self))
            guard segment.localDepth <= depth, entry & (1 << (depth - segment.localDepth) - 1) == 0
            else {
                verification.report(
                    "entry \(entry) of a map's directory has a depth of \(segment.localDepth)")
                return false
            }
            let next = entry + 1 << (depth - segment.localDepth)
            for other in entry + 1 ..< next
            where verification.load(table + UInt64(other * 8), as: UInt64.self) != segment.word {
                verification.report(
                    "entries \(entry) and \(other) of a map's directory should be equal")
                return false
            }
            let prefix = UInt64(entry) >> UInt64(depth - segment.localDepth)
            guard verify(segment, prefix: prefix, depth: depth, &visit, in: &verification)
            else { return false }
            entry = next
        }
        return true
    }

    /// Verifies the segment whose keys' hashes begin with `prefix`. Returns false if it could not
    /// be read.
    private static func verify(
        _ segment: MapSegment, prefix: UInt64, depth: Int, _ visit: inout Visit,
        in verification: inout some BlockVerifier
    ) -> Bool {
        guard segment.exponent < 32, segment.localDepth <= depth else {
            verification.report(
                "a map's segment has 2^\(segment.exponent) chunks and a depth of "
                    + "\(segment.localDepth)"
            )
            return false
        }
        guard
            verification.claim(
                segment.offset, byteCount: chunkBytes << segment.exponent,
                alignment: HeapLayout.lineBytes, "a map's segment")
        else { return false }
        var table = SegmentWalk(segment: segment, prefix: prefix)
        for chunk in 0 ..< segment.chunks {
            let control = verification.load(table.chunkOffset(chunk), as: UInt64.self)
            table.stated.append(UInt8(MapChunk.overflow(control)))
            for slot in 0 ..< MapChunk.slots {
                let tag = control >> UInt64(slot * 8) & 0xff
                guard tag != 0 else { continue }
                guard tag & 0x80 != 0 else {
                    verification.report(
                        "slot \(slot) of chunk \(chunk) of a map's segment has the tag \(tag)")
                    continue
                }
                verifySlot(
                    slot, of: chunk, tag: tag, &table, visitsValue: visit.visitsValue,
                    in: &verification)
                visit.count += 1
            }
        }
        table.compareOverflow(in: &verification)
        return true
    }

    private static func verifySlot(
        _ slot: Int, of chunk: Int, tag: UInt64, _ table: inout SegmentWalk, visitsValue: Bool,
        in verification: inout some BlockVerifier
    ) {
        let keyPlace =
            table.chunkOffset(chunk) + UInt64(slotsOffset + slot * MemoryLayout<Slot>.stride)
        let before = verification.problemCount
        verification.completely { Key.verify(at: keyPlace, in: &$0) }
        guard verification.problemCount == before else { return table.isExact = false }
        let key = verification.load(keyPlace, as: Key.Stored.self)
        let hash = Key.hash(
            stored: key, seed: verification.access.hashSeed, from: verification.access)
        let valuePlace = keyPlace + UInt64(MemoryLayout<Slot>.offset(of: \.value)!)
        verification.within(.value(keyAt: keyPlace, Key.self)) { verification in
            if MapChunk.tag(hash) != tag || !table.accepts(hash) {
                verification.report(
                    "a search would not find an entry of the map at its place")
                table.isExact = false
            } else {
                table.pass(from: hash, to: chunk)
            }
            if visitsValue, MemoryLayout<Value.Stored>.size > 0 {
                Value.verify(at: valuePlace, in: &verification)
            }
        }
    }

    /// The overflow counts of one segment's chunks, stated and computed.
    private struct SegmentWalk {
        let segment: MapSegment
        let prefix: UInt64
        /// The overflow counts as stored in the chunks, and as computed from the keys.
        var stated: [UInt8] = []
        var counted: [UInt32]
        /// Whether all keys could be followed, so that the counts must agree.
        var isExact = true

        init(segment: MapSegment, prefix: UInt64) {
            self.segment = segment
            self.prefix = prefix
            counted = Array(repeating: 0, count: segment.chunks)
        }

        func chunkOffset(_ chunk: Int) -> UInt64 {
            segment.offset + UInt64(chunk * PersistentMap.chunkBytes)
        }

        func accepts(_ hash: UInt64) -> Bool {
            segment.localDepth == 0 || hash >> UInt64(64 - segment.localDepth) == prefix
        }

        mutating func pass(from hash: UInt64, to chunk: Int) {
            let mask = segment.chunks - 1
            var index = Int(truncatingIfNeeded: hash) & mask
            while index != chunk {
                counted[index] += 1
                index = (index + 1) & mask
            }
        }

        func compareOverflow(in verification: inout some BlockVerifier) {
            guard isExact else { return }
            // A count of 255 means that many or more, now or in the past.
            for chunk in 0 ..< segment.chunks
            where stated[chunk] != 255 && UInt32(stated[chunk]) != counted[chunk] {
                verification.report(
                    "chunk \(chunk) of a map's segment has an overflow count of \(stated[chunk]) "
                        + "instead of \(counted[chunk])"
                )
                return
            }
        }
    }
}
