import MemoryMapping
import Synchronization

/// A disk in the memory of this process: its files have names, locks and mappings like those of the
/// system, and are gone with the disk and the files that are still open.
///
/// No other process sees it, so nothing on it is ever durable, and a sync does nothing. Space is
/// taken when it is first written, never beforehand. Each file has one descriptor, however often it
/// is opened. Any thread.
package final class MemoryDisk: Disk {
    private let files = Mutex<[String: MemoryStorage]>([:])
    /// The folders that were made. A file needs none: its folder is there with it.
    private let folders = Mutex<Set<String>>([])
    /// What errors call the disk's files.
    private let name: String
    /// The disk on which copies of this one's files are made.
    package let diskOfCopies: any Disk

    package var isVolatile: Bool { true }

    package init(named name: String, diskOfCopies: any Disk) {
        self.name = name
        self.diskOfCopies = diskOfCopies
    }

    /// Every open file can be read and written, whatever `access` says.
    package func open(_ path: String, _ access: FileAccess) throws(SystemError) -> any DiskFile {
        try files.withLock { (files) throws(SystemError) in
            switch (access, files[path]) {
            case (.createNew, .some): throw SystemError(.open, path, .fileExists)
            case (_, .some(let found)): return MemoryFile(path: path, found)
            case (.readOnly, nil), (.readWrite, nil):
                throw SystemError(.open, path, .noSuchFileOrDirectory)
            case (.createNew, nil), (.createOrKeep, nil):
                let new = try MemoryStorage(named: name)
                files[path] = new
                return MemoryFile(path: path, new)
            }
        }
    }

    package func exists(_ path: String) -> Bool { files.withLock { $0[path] != nil } }

    package func renameWithoutReplacing(
        _ source: String, to destination: String
    ) throws(SystemError) {
        try rename(source, to: destination, replacing: false)
    }

    package func renameReplacing(_ source: String, to destination: String) throws(SystemError) {
        try rename(source, to: destination, replacing: true)
    }

    private func rename(
        _ source: String, to destination: String, replacing: Bool
    ) throws(SystemError) {
        try files.withLock { (files) throws(SystemError) in
            guard let file = files[source] else {
                throw SystemError(.rename, destination, .noSuchFileOrDirectory)
            }
            guard replacing || files[destination] == nil else {
                throw SystemError(.rename, destination, .fileExists)
            }
            files[source] = nil
            files[destination] = file
        }
    }

    package func remove(_ path: String) { files.withLock { $0[path] = nil } }

    package func syncDirectory(of path: String) {}

    package func names(inFolder path: String) throws(SystemError) -> [String] {
        let made = folders.withLock { $0 }
        let paths = files.withLock { Array($0.keys) } + made
        let names = paths.filter { PathBytes.folder(of: $0) == path }.map(PathBytes.name(of:))
        guard !names.isEmpty || made.contains(path) else {
            throw SystemError(.list, path, .noSuchFileOrDirectory)
        }
        return names
    }

    package func createFolder(_ path: String) throws(SystemError) {
        let isFile = exists(path)
        guard !isFile, folders.withLock({ $0.insert(path).inserted }) else {
            throw SystemError(.createFolder, path, .fileExists)
        }
    }

    package func fileIdentity(at path: String) -> FileIdentity? {
        files.withLock { $0[path]?.identity }
    }

    package func resolve(_ path: String) -> String { path }
}

/// A file of a ``MemoryDisk``: its bytes and its locks, shared by those who have it open.
final class MemoryStorage: Sendable {
    /// A lock that an open file holds.
    private struct Held {
        var lock: FileLock
        var owner: ObjectIdentifier
        var isExclusive: Bool
    }

    private static let count = Atomic<UInt64>(0)

    let file: SystemFile
    /// No file of a disk has it, nor any other file in memory.
    let identity: FileIdentity
    /// The system's locks would belong to the descriptor, which the open files share.
    private let held = Mutex<[Held]>([])

    init(named name: String) throws(SystemError) {
        file = try SystemFile.inMemory(named: name)
        identity = FileIdentity(
            device: .max, number: Self.count.add(1, ordering: .relaxed).newValue)
    }

    func tryLock(_ lock: FileLock, exclusive: Bool, for owner: ObjectIdentifier) -> Bool {
        held.withLock { held in
            let isRefused = held.contains {
                $0.lock == lock && $0.owner != owner && ($0.isExclusive || exclusive)
            }
            guard !isRefused else { return false }
            held.removeAll { $0.lock == lock && $0.owner == owner }
            held.append(Held(lock: lock, owner: owner, isExclusive: exclusive))
            return true
        }
    }

    func unlock(_ lock: FileLock, for owner: ObjectIdentifier) {
        held.withLock { $0.removeAll { $0.lock == lock && $0.owner == owner } }
    }

    func unlockAll(for owner: ObjectIdentifier) {
        held.withLock { $0.removeAll { $0.owner == owner } }
    }

    func isLocked(
        _ lock: FileLock, exclusively: Bool, byOthersThan owner: ObjectIdentifier
    ) -> Bool {
        held.withLock {
            $0.contains {
                $0.lock == lock && $0.owner != owner && ($0.isExclusive || !exclusively)
            }
        }
    }
}
