#if DEBUG
    import HoldfastEngine
    import HoldfastFormat
    import HoldfastSystem
    import MemoryMapping
    import Synchronization
    import TestSupport

    /// A lock of the system that does not keep its promise: a planted fault.
    enum LockFault: CaseIterable {
        /// Exclusive locks of the heap file are given to everybody.
        case opening, checkpoint, presence
        /// Living owners of entries in the reader table look dead.
        case life
    }

    /// The disk as one opening sees it: each call is a step, and a write of pages is two. Releases
    /// the opening's locks when its process dies.
    final class SteppedDisk: Disk, @unchecked Sendable {
        let disk: SimulatedDisk
        private let heapPath: String
        private let files = Mutex<[SteppedFile]>([])
        /// Whether the process has died: what it still does has no effect.
        private(set) var isDead = false
        fileprivate let fault: LockFault?

        init(_ disk: SimulatedDisk, heapPath: String, fault: LockFault? = nil) {
            self.fault = fault
            self.disk = disk
            self.heapPath = heapPath
        }

        func die() {
            isDead = true
            files.withLock { for file in $0 { file.file.close() } }
        }

        /// Releases the files, which refer to the disk. The engines that use it are gone.
        func end() { files.withLock { $0 = [] } }

        fileprivate func requireLife(_ path: String) throws(SystemError) {
            if isDead { throw SystemError(.open, path, .ioError) }
        }

        private func step(_ effect: Interleaving.Effect) {
            Interleaving.step(effect, .init(.names, 0))
        }

        func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
            try requireLife(path)
            switch access {
            case .readOnly, .readWrite: step(.reads)
            case .createNew, .createOrKeep: step(.changes)
            }
            let kind: SteppedFile.Kind =
                path == heapPath ? .data : path.hasSuffix(LogLayout.sharedSuffix) ? .shared : .other
            let file = SteppedFile(try disk.open(path, access), kind, of: self)
            files.withLock { $0.append(file) }
            return file
        }

        func exists(_ path: String) -> Bool {
            step(.reads)
            return disk.exists(path)
        }

        func renameWithoutReplacing(_ source: String, to destination: String) throws(SystemError) {
            try requireLife(source)
            step(.changes)
            try disk.renameWithoutReplacing(source, to: destination)
        }

        func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
            try requireLife(source)
            step(.changes)
            try disk.renameReplacing(source, to: destination)
        }

        func remove(_ path: String) throws(SystemError) {
            try requireLife(path)
            step(.changes)
            try disk.remove(path)
        }

        func syncDirectory(of path: String) throws(SystemError) {
            try requireLife(path)
            step(.changes)
            try disk.syncDirectory(of: path)
        }

        func names(inFolder path: String) throws(SystemError) -> [String] {
            step(.reads)
            return try disk.names(inFolder: path)
        }

        func createFolder(_ path: String) throws(SystemError) {
            try requireLife(path)
            step(.changes)
            try disk.createFolder(path)
        }

        func fileIdentity(at path: String) -> FileIdentity? {
            step(.reads)
            return disk.fileIdentity(at: path)
        }

        func resolve(_ path: String) -> String { disk.resolve(path) }
    }

    final class SteppedFile: DiskFile {
        enum Kind: Int {
            case data, shared, other
        }

        let file: any DiskFile
        private let kind: Kind
        private let disk: SteppedDisk
        var path: String { file.path }

        init(_ file: any DiskFile, _ kind: Kind, of disk: SteppedDisk) {
            self.file = file
            self.kind = kind
            self.disk = disk
        }

        private func step(_ effect: Interleaving.Effect, at offset: Int, _ byteCount: Int) {
            switch kind {
            case .data:
                let first = offset / HeapLayout.pageBytes
                let last = (offset + max(byteCount, 1) - 1) / HeapLayout.pageBytes
                Interleaving.step(effect, .init(.page, first, count: last - first + 1))
            case .shared, .other: Interleaving.step(effect, .init(.durable, 0))
            }
        }

        /// Of the file's size.
        private func stepOfSize(_ effect: Interleaving.Effect) {
            Interleaving.step(effect, .init(.lock, 300 + kind.rawValue))
        }

        private func step(_ effect: Interleaving.Effect, _ lock: FileLock) {
            Interleaving.step(effect, .init(.lock, lock.slot + (kind == .shared ? 16 : 0)))
        }

        func wasRenamed(to path: String) { file.wasRenamed(to: path) }

        func size() throws(SystemError) -> Int {
            stepOfSize(.reads)
            return try file.size()
        }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: Int
        ) throws(SystemError) -> Int {
            step(.reads, at: offset, buffer.count)
            return try file.read(into: buffer, at: offset)
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
            try disk.requireLife(path)
            step(.changes, at: offset, bytes.count)
            // The same as a write that was interrupted and continued.
            let half = kind == .data && bytes.count >= 512 ? bytes.count / 2 : 0
            if half > 0 {
                try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<half]), at: offset)
                step(.changes, at: offset, bytes.count)
                try disk.requireLife(path)
            }
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[half...]), at: offset + half)
        }

        func sync() throws(SystemError) {
            try disk.requireLife(path)
            step(.reads, at: 0, 0)
            try file.sync()
        }

        func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError) {
            try disk.requireLife(path)
            stepOfSize(.changes)
            try file.grow(from: oldSize, to: newSize, reservingBlocks: reservingBlocks)
        }

        func truncate(to newSize: Int) throws(SystemError) {
            try disk.requireLife(path)
            stepOfSize(.changes)
            try file.truncate(to: newSize)
        }

        func map(
            into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
            kind: MappingKind
        ) throws(SystemError) {
            try file.map(
                into: reservation, at: offset, fileOffset: fileOffset, byteCount: byteCount,
                kind: kind)
        }

        func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool {
            try disk.requireLife(path)
            step(.changes, lock)
            if kind == .data, exclusive {
                switch disk.fault {
                case .opening where lock == .opening: return true
                case .checkpoint where lock == .checkpoint: return true
                case .presence where lock == .presence: return true
                default: break
                }
            }
            return try file.tryLock(lock, exclusive: exclusive)
        }

        func unlock(_ lock: FileLock) {
            step(.releases, lock)
            file.unlock(lock)
        }

        func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool {
            step(.reads, lock)
            if kind == .shared, disk.fault == .life { return false }
            return try file.isLockedByOthers(lock, exclusively: exclusively)
        }

        func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
            try disk.requireLife(path)
            step(.changes, at: offset, byteCount)
            try file.zero(at: offset, byteCount: byteCount, keepsBlocks: keepsBlocks)
        }

        func nextData(from offset: Int) throws(SystemError) -> Int? {
            try file.nextData(from: offset)
        }
        func fileIdentity() throws(SystemError) -> FileIdentity { try file.fileIdentity() }
        func fileSystemKind() throws(SystemError) -> FileSystemKind { try file.fileSystemKind() }
        func requireRegularFile() throws(SystemError) { try file.requireRegularFile() }

        func close() {
            switch kind {
            case .data: Interleaving.step(.releases, .init(.lock, 0, count: 16))
            case .shared: Interleaving.step(.releases, .init(.lock, 16, count: 192))
            case .other: break
            }
            file.close()
        }
    }
#endif
