import HoldfastSystem

/// Where a segment is written to, from its beginning to its end: a file, a pipe, memory.
package protocol SegmentSink: AnyObject {
    /// What errors call it.
    var path: String { get }
    /// Appends all of `bytes`, or throws.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError)
}

/// A file that is written from its beginning.
package final class FileSink: SegmentSink {
    private let file: any DiskFile
    package private(set) var byteCount = 0

    package var path: String { file.path }

    package init(_ file: any DiskFile) { self.file = file }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        unsafe try file.write(bytes, at: byteCount)
        byteCount += bytes.count
    }
}

/// Where a segment is read from, from its beginning to its end.
package protocol SegmentSource: AnyObject {
    /// What errors call it.
    var path: String { get }
    /// Fills `buffer` with the next bytes. Returns how many there were: fewer than asked for only
    /// at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
}

/// A file that is read from its beginning.
package final class FileSource: SegmentSource {
    private let file: any DiskFile
    /// Bytes read so far.
    package private(set) var offset = 0

    package let path: String

    package init(_ file: any DiskFile, named path: String? = nil) {
        self.file = file
        self.path = path ?? file.path
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let count = unsafe try file.read(into: buffer, at: offset)
        offset += count
        return count
    }
}
