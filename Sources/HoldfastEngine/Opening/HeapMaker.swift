import HoldfastFormat
import HoldfastSystem

/// Opens the file of a heap, and creates an empty heap if there is none.
struct HeapMaker {
    let dataFile: DataFile

    func openOrCreate() throws(HeapError) -> any DiskFile {
        let options = dataFile.options
        let deadline = Deadline(in: options.timeout)
        var file: (any DiskFile)?
        while file == nil {
            do throws(SystemError) {
                file = try openFileForMode()
            } catch {
                guard error.errno == .noSuchFileOrDirectory, dataFile.mode == .readWrite,
                    options.createsIfMissing
                else {
                    throw openingError(error)
                }
                do throws(HeapError) {
                    try create()
                } catch {
                    // Another process is creating it.
                    guard case .busy = error, !deadline.hasPassed else { throw error }
                    SystemThread.sleep(microseconds: 1000)
                }
            }
        }
        guard let file else { throw HeapError.notFound(path: dataFile.path) }
        do throws(SystemError) {
            try file.requireRegularFile()
        } catch {
            file.close()
            throw dataFile.heapError(error)
        }
        return file
    }

    private func openingError(_ error: SystemError) -> HeapError {
        let path = dataFile.path
        switch error.errno {
        case .permissionDenied, .notPermitted:
            return .permissionDenied(
                path: path, operation: dataFile.mode == .readWrite ? "write" : "read")
        case .noSuchFileOrDirectory, .notDirectory, .fileNameTooLong:
            let objection = dataFile.disk.objection(to: dataFile.location, suffixBytes: 0)
            return objection.map { HeapError($0, path: path) } ?? dataFile.heapError(error)
        default: return dataFile.heapError(error)
        }
    }

    /// Readers open the file for writing too if they have permission, although they write nothing:
    /// exclusive locks require it.
    private func openFileForMode() throws(SystemError) -> any DiskFile {
        do throws(SystemError) {
            dataFile.isWritable = true
            return try dataFile.disk.open(dataFile.location, .readWrite)
        } catch {
            let isUnwritable = error.isRefusal || error.errno == .textFileBusy
            guard dataFile.mode != .readWrite, isUnwritable else { throw error }
            dataFile.isWritable = false
            return try dataFile.disk.open(dataFile.location, .readOnly)
        }
    }

    /// Creates an empty heap under a working name and renames it when it is complete. A crash
    /// leaves no partial heap, and if two processes create the same heap, the second opens that of
    /// the first.
    private func create() throws(HeapError) {
        let options = dataFile.options
        let pages = AllocatorRoot.initialPages()
        var header = HeapHeader.made(identity: .random(), hashSeed: .random())
        let checksums = Int(HeapLayout.firstChecksumPage) * HeapLayout.pageBytes
        header.pageSum = pages.withUnsafeBytes {
            PageChecksums.sumOfEntries(in: UnsafeRawBufferPointer(rebasing: $0[checksums...]))
        }
        let builder = try HeapFileBuilder(
            path: dataFile.location, named: dataFile.path, rights: options.rightsOfNewFiles,
            disk: dataFile.disk)
        defer { builder.end() }
        // Checked before a file exists that could not be opened.
        try dataFile.requireSuitableFileSystem(builder.file)
        do throws(SystemError) {
            try builder.file.grow(
                from: 0, to: HeapLayout.fileGranule, reservingBlocks: options.reservesBlocks)
            try builder.file.write(pages, at: 0)
            do throws(SystemError) {
                try builder.finish(header, replacing: false)
            } catch  where error.errno == .fileExists {
                // Another process was faster; its heap serves as well.
            }
        } catch {
            throw HeapError(error.renamed(to: dataFile.path))
        }
    }
}
