import HoldfastFormat
import HoldfastSystem

/// Reads a segment from a source, item by item, and verifies it: the bytes of each frame before the
/// first item in it, the order of the items, and at the end that nothing is missing or too much.
///
/// Holds one frame in memory, whatever the bytes say. One thread at a time.
package struct SegmentReader {
    private let source: any SegmentSource
    private let buffer = FrameBuffer()
    package let header: SegmentHeader
    private let headerChecksum: UInt64
    /// Of the last frame, or of the header.
    private var checksum: UInt64
    private var order: SegmentOrder
    /// The items of the frame that have not been read, as places in the buffer.
    private var rest = 0 ..< 0
    private var linePlace = 0 ..< 0
    /// Set when the last item has been read.
    package private(set) var end: SegmentEnd?

    package var path: String { source.path }

    /// Bytes read so far.
    package private(set) var byteCount = SegmentHeader.byteCount

    /// The lines of the run that `next` has returned last; valid until it is called again.
    package var lines: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[linePlace])
    }

    /// Reads the header.
    package init(_ source: any SegmentSource) throws(ArchiveError) {
        self.source = source
        var bytes = [UInt8](repeating: 0, count: SegmentHeader.byteCount)
        let count = try Self.read(&bytes, from: source)
        let reading = unsafe bytes.withUnsafeBytes {
            unsafe SegmentHeader.decode(UnsafeRawBufferPointer(rebasing: $0[..<count]))
        }
        header = try reading.header(path: source.path)
        headerChecksum = unsafe bytes.withUnsafeBytes { unsafe SegmentHeader.checksum($0) }
        checksum = headerChecksum
        order = SegmentOrder(header)
    }

    /// The next item, or nil at the end. The lines of a run are in `lines`.
    package mutating func next() throws(ArchiveError) -> SegmentItem? {
        guard end == nil else { return nil }
        if rest.isEmpty, try !readFrame() { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[rest])
        guard let item = unsafe SegmentItem.load(bytes) else {
            throw damage("its items are not what was written")
        }
        do throws(SegmentFlaw) { try order.accept(item) } catch { throw damage(error.what) }
        let linesStart = rest.lowerBound + item.byteCount
        var next = linesStart
        if case .run(let run) = item { next += run.byteCount }
        linePlace = linesStart ..< next
        rest = next ..< rest.upperBound
        return item
    }

    /// Reads and verifies the next frame; false if it was the end.
    private mutating func readFrame() throws(ArchiveError) -> Bool {
        let head = unsafe buffer.prefix(SegmentFrame.headerBytes)
        guard unsafe try read(into: head) == head.count else { throw damage("it is cut short") }
        guard let frame = unsafe SegmentFrame.decode(UnsafeRawBufferPointer(head)) else {
            throw damage("a part of it does not begin as it must")
        }
        let whole = unsafe buffer.prefix(SegmentFrame.headerBytes + frame.byteCount)
        let content = unsafe UnsafeMutableRawBufferPointer(
            rebasing: whole[SegmentFrame.headerBytes...])
        guard unsafe try read(into: content) == content.count else {
            throw damage("it is cut short")
        }
        guard unsafe frame.verifies(UnsafeRawBufferPointer(whole), seed: checksum) else {
            throw damage("a part of it does not match its checksum")
        }
        if frame.isEnd {
            unsafe try finish(UnsafeRawBufferPointer(whole))
            return false
        }
        checksum = frame.checksum
        byteCount += whole.count
        rest = SegmentFrame.headerBytes ..< whole.count
        return true
    }

    private mutating func finish(_ frame: UnsafeRawBufferPointer) throws(ArchiveError) {
        guard let end = unsafe SegmentEnd.decode(frame: frame) else {
            throw damage("its end is not what was written")
        }
        let state: IntervalEnd
        do throws(SegmentFlaw) { state = try order.finished() } catch { throw damage(error.what) }
        guard end.headerChecksum == headerChecksum, end.state == state,
            end.counts == order.counts
        else { throw damage("its end tells of other contents") }
        let one = unsafe buffer.prefix(1)
        guard unsafe try read(into: one) == 0 else { throw damage("it goes on after its end") }
        byteCount += frame.count
        self.end = end
    }

    private func read(into bytes: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        do throws(SystemError) { return unsafe try source.read(into: bytes) } catch {
            throw .system(error)
        }
    }

    private static func read(
        _ bytes: inout [UInt8], from source: any SegmentSource
    ) throws(ArchiveError) -> Int {
        var failure: SystemError?
        var count = 0
        unsafe bytes.withUnsafeMutableBytes { raw in
            do throws(SystemError) { count = unsafe try source.read(into: raw) } catch {
                failure = error
            }
        }
        if let failure { throw .system(failure) }
        return count
    }

    private func damage(_ what: String) -> ArchiveError {
        .damagedSegment(path: source.path, what: what)
    }
}

extension SegmentHeader.Reading {
    /// The header, or the error of the file at `path`.
    func header(path: String) throws(ArchiveError) -> SegmentHeader {
        switch self {
        case .header(let header): return header
        case .newerFormat(let found):
            throw .newerFormat(
                path: path, found: found, supported: SegmentHeader.featureVersion)
        case .unknownFeatures(let features):
            throw .unknownFeatures(path: path, features: features)
        case .damaged:
            throw .damagedSegment(path: path, what: "its header does not match its checksum")
        case .notAHeader:
            throw .damagedSegment(path: path, what: "it does not begin like a segment")
        }
    }
}
