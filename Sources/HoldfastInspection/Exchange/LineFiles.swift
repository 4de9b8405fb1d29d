#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastEngine
import HoldfastSystem

/// A file of lines that is being written. It gets its name when it is complete and durable, or not
/// at all.
final class LineFileWriter {
    private let path: String
    private let temporaryPath: String
    private let file: any DiskFile
    private var buffer: [UInt8] = []
    private var end = 0
    private static let bufferBytes = 1 << 16

    /// `rights` are the access rights of the file. Nil means those of the process's mask.
    init(_ path: String, rights: FileRights?) throws(HeapError) {
        try HeapError.requirePath(path)
        guard !SystemDisk.shared.exists(path) else { throw HeapError.alreadyExists(path: path) }
        self.path = path
        temporaryPath = "\(path)-\(UUID().uuidString)"
        do throws(SystemError) {
            file = try SystemDisk.shared.open(temporaryPath, .createNew(isPrivate: rights != nil))
        } catch {
            throw HeapError(lineFile: error)
        }
        if let rights { file.take(rights) }
    }

    func write(_ line: String) throws(HeapError) {
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    private func flush() throws(HeapError) {
        do throws(SystemError) {
            try file.writeAll(buffer, at: end)
        } catch {
            throw HeapError(lineFile: error)
        }
        end += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Renames the file to its final name.
    func finish() throws(HeapError) {
        try flush()
        do throws(SystemError) {
            try file.sync()
            try SystemDisk.shared.renameWithoutReplacing(temporaryPath, to: path)
            try SystemDisk.shared.syncDirectory(of: path)
        } catch {
            throw SystemDisk.shared.exists(path)
                ? HeapError.alreadyExists(path: path) : HeapError(lineFile: error)
        }
    }

    deinit {
        file.close()
        // If everything has succeeded, no file has this name any more.
        try? SystemDisk.shared.remove(temporaryPath)
    }
}

/// Temporary lines in an unnamed file next to `path`. The file disappears when it is no longer
/// used, in whatever way the process ends.
final class LineSpill {
    private let file: any DiskFile
    private var buffer: [UInt8] = []
    private var end = 0

    init(beside path: String) throws(HeapError) {
        try HeapError.requirePath(path)
        let temporary = "\(path)-\(UUID().uuidString)"
        do throws(SystemError) {
            file = try SystemDisk.shared.open(temporary, .createNew(isPrivate: true))
            try SystemDisk.shared.remove(temporary)
        } catch { throw HeapError(lineFile: error) }
    }

    func write(_ line: String) throws(HeapError) {
        buffer.append(contentsOf: line.utf8)
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= 1 << 16 { try flush() }
    }

    private func flush() throws(HeapError) {
        do throws(SystemError) { try file.writeAll(buffer, at: end) } catch {
            throw HeapError(lineFile: error)
        }
        end += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// Returns a reader of the lines written so far. While it is in use, nothing may be written.
    func reader() throws(HeapError) -> LineFileReader {
        try flush()
        return LineFileReader(file)
    }
}

/// Reads a file line by line.
final class LineFileReader {
    private let file: any DiskFile
    private var buffer: [UInt8] = []
    /// The part of the buffer that has been returned, and the end of the buffer in the file.
    private var start = 0
    private var end = 0
    private static let bufferBytes = 1 << 16

    init(_ path: String) throws(HeapError) {
        try HeapError.requirePath(path)
        do throws(SystemError) { file = try SystemDisk.shared.open(path, .readOnly) } catch {
            throw HeapError(lineFile: error)
        }
    }

    fileprivate init(_ file: any DiskFile) { self.file = file }

    /// Returns the next line without its terminator, or nil at the end.
    func next() throws -> String? {
        var searched = start
        while true {
            if let newline = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = newline + 1 }
                return try text(start ..< newline)
            }
            searched = buffer.count - start
            buffer.removeSubrange(..<start)
            start = 0
            guard try fill() else {
                guard !buffer.isEmpty else { return nil }
                defer { buffer = [] }
                return try text(0 ..< buffer.count)
            }
        }
    }

    private func text(_ range: Range<Int>) throws -> String {
        guard let text = String(validating: buffer[range], as: UTF8.self) else {
            throw ExchangeProblem("it is not valid UTF-8")
        }
        return text
    }

    private func fill() throws(HeapError) -> Bool {
        do throws(SystemError) {
            let piece = try file.readPiece(Self.bufferBytes, at: end)
            buffer.append(contentsOf: piece)
            end += piece.count
            return !piece.isEmpty
        } catch {
            throw HeapError(lineFile: error)
        }
    }

    deinit { file.close() }
}

extension DiskFile {
    fileprivate func writeAll(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        unsafe try bytes.withUnsafeBytes { raw in
            Result { () throws(SystemError) in unsafe try write(raw, at: offset) }
        }.get()
    }

    fileprivate func readPiece(_ count: Int, at offset: Int) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                filled = unsafe try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return piece
    }
}

extension HeapError {
    /// Throws if the path is not valid for a file.
    fileprivate static func requirePath(_ path: String) throws(HeapError) {
        if let objection = PathObjection(toText: path) { throw HeapError(objection, path: path) }
    }

    /// Converts an error of a file, except where the usual message would mention a heap.
    fileprivate init(lineFile error: SystemError) {
        let translated = HeapError(error)
        switch translated {
        case .notFound, .isDirectory, .notARegularFile, .readOnlyFolder, .permissionDenied:
            guard case .call(let operation, let path, let errno) = error else { fallthrough }
            self = .io(operation: operation.rawValue, path: path, code: errno.rawValue)
        default: self = translated
        }
    }
}
