import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The beginning and the end of a transient read; see `TransientRead`.
extension Opener {
    /// Opens a heap at rest that no other process has open, as a transient reader. Returns false,
    /// with nothing changed, if there is any complication or error: everything is then examined
    /// under the opening lock, where errors are reported.
    func beginVisit() -> Bool {
        let options = dataFile.options
        guard dataFile.mode == .readOnly, !options.isSnapshot, !options.salvages,
            !options.verifiesPages
        else { return false }
        do throws(SystemError) {
            let file = try dataFile.disk.open(
                dataFile.place.withLock { $0 } ?? dataFile.path, .readWrite)
            if let read = try visit(file) {
                dataFile.file = file
                participation.becomeTransientReader(read)
                return true
            }
            file.close()
        } catch {}
        // The mapping must go: its file may have been replaced by now.
        view.image.cancelVisit()
        return false
    }

    private func visit(_ file: any DiskFile) throws(SystemError) -> TransientRead? {
        // The order matters: a process that replaces the file holds the presence lock while it
        // looks for transient readers, so one of the two finds the other. A file that still has its
        // name after that keeps it.
        guard try file.tryLock(.transientReader, exclusive: false),
            !(try file.isLockedByOthers(.presence))
        else { return nil }
        let facts = try file.facts()
        guard facts.isNamed else { return nil }
        do throws(HeapError) {
            dataFile.byteCount = facts.size
            dataFile.warnings = []
            try dataFile.requireSuitableFileSystem(file)
        } catch { return nil }
        dataFile.knownIdentity = facts.identity
        return try headerForVisit(file)
    }

    /// Reads the header through the mapping; nil unless the heap is at rest and everything agrees.
    private func headerForVisit(_ file: any DiskFile) throws(SystemError) -> TransientRead? {
        let image = view.image
        dataFile.byteCount -= dataFile.byteCount % HeapLayout.fileGranule
        // A size outside this range cannot be that of a heap.
        guard dataFile.byteCount > 0, dataFile.byteCount <= Int(HeapLayout.maximumBytes) else {
            return nil
        }
        let headers = try image.visit(file, byteCount: dataFile.byteCount)
        guard let (first, second) = mappedHeaders() else { return nil }
        let header = first.sequence > second.sequence ? first : second
        guard !header.logInUse, !header.isPunchingHoles,
            Int(header.heapPages) * HeapLayout.pageBytes <= image.byteCount
        else {
            return nil
        }
        do throws(HeapError) { try view.requireAllocatorRoot(pages: header.heapPages) } catch {
            return nil
        }
        let read = TransientRead(
            headers: headers, sequences: (first.sequence, second.sequence),
            position: header.checkpointPosition)
        // The root page belongs to this header only if no process has begun to write meanwhile.
        guard read.isAtRest else { return nil }
        dataFile.identity = header.identity
        view.hashSeed = header.hashSeed
        dataFile.reservedBytes = Int(header.reservedBytes)
        view.adoptCheckpoint(of: header)
        view.committedPages = header.heapPages
        return read
    }

    /// Both copies of the header; nil unless both are valid.
    private func mappedHeaders() -> (HeapHeader, HeapHeader)? {
        // Decoded from copies: in the mapping they may change between the check of their checksums
        // and the reading of their fields.
        withUnsafeTemporaryAllocation(byteCount: 2 * HeapHeader.byteCount, alignment: 8) { bytes in
            for copy in 0 ..< 2 {
                Interleaving.step(.reads, .init(.page, copy))
                (bytes.baseAddress! + copy * HeapHeader.byteCount).copyMemory(
                    from: view.image.base + copy * HeapLayout.pageBytes,
                    byteCount: HeapHeader.byteCount)
            }
            let (one, other) = (
                UnsafeRawBufferPointer(rebasing: bytes[..<HeapHeader.byteCount]),
                UnsafeRawBufferPointer(rebasing: bytes[HeapHeader.byteCount...])
            )
            guard case .header(let first) = HeapHeader.decode(one) else { return nil }
            // At rest they are usually identical.
            if one.elementsEqual(other) { return (first, first) }
            guard case .header(let second) = HeapHeader.decode(other) else { return nil }
            return (first, second)
        }
    }

    // MARK: Registering

    /// Registers a transient reader, which from now on is like any other opening. The caller holds
    /// the latch exclusively.
    func register() throws(HeapError) {
        guard let file = dataFile.file, case .transientReader(let read) = participation.kind else {
            return
        }
        participation.endTransientRead()
        participation.transientState = .over
        try participation.requireNoFault()
        try dataFile.withOpeningLock(file) { () throws(HeapError) in
            do throws(HeapError) {
                try register(file, read)
            } catch {
                if case .transientReader = participation.kind { file.unlock(.presence) }
                throw error
            }
            file.unlock(.transientReader)
        }
    }

    private func register(_ file: any DiskFile, _ read: TransientRead) throws(HeapError) {
        let isInPlace = try dataFile.isInPlace(file)
        // The neighbour files are another heap's. This one stays readable, and no checkpoint may
        // write to it.
        if !isInPlace {
            try dataFile.translating { () throws(SystemError) in
                try participation.lockOutCheckpoints(file)
            }
        }
        let header = try dataFile.readHeader(file)
        let isUnchanged = read.isAtRest
        view.image.endVisit()
        try dataFile.translating { () throws(SystemError) in try view.image.separateVisit(file) }
        // Also drops the remains of an earlier attempt.
        try view.image.dropPrivatePages(file, fileBytes: dataFile.byteCount)
        if !isInPlace {
            guard !header.logInUse else { throw HeapError.replaced(path: dataFile.path) }
            view.adoptCheckpoint(of: header)
            try participation.becomeUnregisteredReader(file, givingUpPresence: false)
        } else if !(try dataFile.isAlone(file)) {
            try join(file, header)
        } else if isUnchanged {
            try beginSharing(file, header)
        } else {
            try openAlone(file, header)
        }
        // An unchanged root was checked when the heap was opened.
        guard !isUnchanged else { return }
        try view.requireAllocatorRoot()
        view.committedPages = view.pagesInImage
    }
}
