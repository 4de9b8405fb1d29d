import Foundation
import HoldfastFormat
import HoldfastSystem
import MemoryMapping
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// Refusals and waiting times of a heap: network file systems, shared files of other boots, locks
/// that are never released.
@Suite(.progress) struct GuardTests {
    // MARK: File systems

    /// The constants of `statfs(2)`, in `linux/magic.h`.
    @Test func fileSystemsByTheirNumbers() {
        let networks: [UInt32: String] = [
            0x6969: "NFS", 0xff53_4d42: "CIFS", 0xfe53_4d42: "SMB2", 0x517b: "SMB",
            0x5346_414f: "AFS", 0x0102_1997: "9P",
            0x00c3_6400: "Ceph",
            0x7375_7245: "Coda", 0x0bd0_0bd0: "Lustre", 0x1980_0202: "a cluster file system",
            0x0116_1970: "GFS2", 0x7461_636f: "OCFS2", 0x4750_4653: "GPFS", 0x1983_0326: "BeeGFS",
            0x2003_0528: "OrangeFS",
        ]
        for (magic, name) in networks {
            #expect(NetworkMounts.kind(ofMagic: magic) == .network(name))
        }
        #expect(NetworkMounts.kind(ofMagic: 0x6573_5546) == .unknown("FUSE"))
        #expect(NetworkMounts.kind(ofMagic: 0x794c_7630) == .layered)
        #expect(NetworkMounts.kind(ofMagic: 0x1234_5678) == .unknown("unknown type"))
        // ext4, XFS, Btrfs, tmpfs, ZFS, F2FS.
        for magic in [
            0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x2fc1_2fc1, 0xf2f5_2010,
        ] as [UInt32] {
            #expect(NetworkMounts.kind(ofMagic: magic) == .local)
        }
    }

    /// All FUSE file systems have one constant; the list of mounts tells the type.
    @Test func fileSystemsInUserSpace() {
        let mounts = """
            21 1 259:0 / / rw,relatime shared:1 - ext4 /dev/root rw
            90 21 0:52 / /mnt/shared\\040folder rw,nosuid shared:40 master:1 - fuse.glusterfs server:/volume rw,user_id=0
            91 21 0:53 / /home/me/.cache rw - fuse.portal portal rw
            92 21 0:54 / /mnt/odd rw -
            """
        let glusterfs = NetworkMounts.mount(major: 0, minor: 52, in: mounts)
        #expect(glusterfs?.type == "fuse.glusterfs" && glusterfs?.place == "/mnt/shared folder")
        #expect(NetworkMounts.mount(major: 259, minor: 0, in: mounts)?.type == "ext4")
        #expect(NetworkMounts.mount(major: 0, minor: 54, in: mounts) == nil)
        #expect(NetworkMounts.mount(major: 0, minor: 5, in: mounts) == nil)
        #expect(NetworkMounts.mount(major: 0, minor: 5, in: "") == nil)
        for name in ["glusterfs", "sshfs", "ceph-fuse", "juicefs"] {
            #expect(NetworkMounts.kind(ofMountType: "fuse.\(name)") == .network("FUSE: \(name)"))
        }
        #expect(NetworkMounts.kind(ofMountType: "fuse.portal") == .unknown("FUSE: portal"))
        #expect(NetworkMounts.kind(ofMountType: "fuse") == .unknown("FUSE"))
    }

    /// The number and the mount together, and the place for the message.
    @Test func fileSystemsByBoth() {
        let (fuse, nfs, other): (UInt32, UInt32, UInt32) = (0x6573_5546, 0x6969, 0x1234_5678)
        func kind(_ magic: UInt32, _ type: String) -> FileSystemKind {
            NetworkMounts.kind(ofMagic: magic, .init(type: type, place: "/mnt"))
        }
        #expect(kind(fuse, "virtiofs") == .network("virtiofs at /mnt"))
        #expect(kind(fuse, "fuse.sshfs") == .network("FUSE: sshfs at /mnt"))
        #expect(kind(fuse, "fuse.portal") == .unknown("FUSE: portal at /mnt"))
        #expect(kind(nfs, "nfs4") == .network("NFS at /mnt"))
        #expect(kind(nfs, "odd") == .network("NFS at /mnt"))
        #expect(kind(other, "lustre") == .network("lustre at /mnt"))
        #expect(kind(other, "odd") == .unknown("odd at /mnt"))
        // Known to be local: the list of mounts is not read.
        #expect(kind(0xef53, "nfs") == .local)
        #expect(NetworkMounts.kind(ofMagic: fuse, nil) == .unknown("FUSE"))
    }

    // MARK: Coherence

    /// A file system on which a mapping does not show what is changed through another one, or
    /// through the file: no heap is opened for writing, and none is left behind.
    @Test(arguments: [MappingKind.shared, .privateCopy]) func incoherent(kind: MappingKind) throws {
        let (heap, cell) = try TestHeap.atRest()
        let before = heap.disk.currentFiles()
        heap.disk.fileSystemKind = .unknown("odd at /mnt")
        let writer = try heap.open()
        try writer.change { $0.store(5, at: cell) }
        let second = try heap.open()
        #expect(try second.look { $0.load(cell, as: Int.self) } == 5)
        try second.close()
        try writer.close()
        heap.disk.staleMappings = [kind]
        let error = HeapError.incoherentFileSystem(path: TestHeap.path, name: "odd at /mnt")
        #expect(throws: error) { try heap.open() }
        #expect("\(error)".contains("/mnt"))
        #expect(heap.disk.currentFiles().keys.sorted() == before.keys.sorted())
        heap.disk.staleMappings = []
        try heap.open().close()
    }

    /// On an overlay, a process that may not write the file is warned.
    @Test func overlay() throws {
        let (heap, cell) = try TestHeap.atRest()
        heap.disk.fileSystemKind = .layered
        let writer = try heap.open()
        #expect(writer.warnings == [])
        try writer.close()
        let attempts = Atomic<Int>(0)
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            // For the transient read, and for registering.
            if call.operation == .open, attempts.add(1, ordering: .relaxed).newValue <= 2 {
                throw SystemError(.open, call.path, .permissionDenied)
            }
        }
        let reader = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: heap.options, disk: refusing)
        #expect(try reader.look { $0.load(cell, as: Int.self) } == 5)
        #expect(reader.warnings.count == 1 && reader.warnings[0].contains("overlay"))
        try reader.close()
    }

    // MARK: Exclusive openings

    /// Nobody else opens the heap, in any mode, until the opening ends; snapshots of its own it
    /// has.
    @Test func exclusively() throws {
        let (heap, cell) = try TestHeap.atRest()
        // Where others would be refused, because they cannot be seen.
        heap.disk.fileSystemKind = .network("NFS")
        var options = heap.options
        options.isExclusive = true
        func open(_ mode: OpenMode = .readWrite) throws -> HeapEngine {
            try HeapEngine(path: TestHeap.path, mode: mode, options: options, disk: heap.disk)
        }
        let busy = HeapError.busy(path: TestHeap.path)
        let alone = try open()
        try alone.change { $0.store(6, at: cell) }
        options.allowsNetworkFileSystems = false
        heap.disk.fileSystemKind = .local
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(throws: busy) { try heap.open(mode) }
        }
        #expect(throws: busy) { try open() }
        let snapshot = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options.ofSnapshot(nil), disk: heap.disk)
        try alone.change { $0.store(7, at: cell) }
        try alone.checkpoint()
        #expect(try snapshot.look { $0.load(cell, as: Int.self) } == 6)
        // The file keeps what the snapshot needs, and the heap its exclusiveness.
        let block = try alone.change { $0.allocate(byteCount: 4 << 20) }
        try alone.change { $0.store(9, at: block + (4 << 20) - 64) }
        try alone.checkpoint()
        let later = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options.ofSnapshot(nil), disk: heap.disk)
        try alone.change { $0.free(block, byteCount: 4 << 20) }
        _ = try alone.compact()
        #expect(try later.look { $0.load(block + (4 << 20) - 64, as: Int.self) } == 9)
        try later.close()
        _ = try alone.compact()
        #expect(throws: busy) { try heap.open() }
        heap.disk.fileSystemKind = .network("NFS")
        try alone.close()
        #expect(try snapshot.look { $0.load(cell, as: Int.self) } == 6)
        try snapshot.close()
        heap.disk.fileSystemKind = .local
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
        // Others first: registered, or reading a heap at rest.
        for mode in [OpenMode.readWrite, .readOnly] {
            let other = try heap.open(mode)
            #expect(throws: busy) { try open() }
            #expect(try other.look { $0.load(cell, as: Int.self) } == 7)
            try other.close()
        }
        // A folder in which it cannot be kept.
        let opens = Atomic<Int>(0)
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            // It looks twice whether the name is taken, and then creates the file.
            if call.operation == .open, call.path.hasSuffix(LogLayout.sharedSuffix),
                opens.add(1, ordering: .relaxed).newValue == 3
            {
                throw SystemError(.open, call.path, .permissionDenied)
            }
        }
        #expect(throws: HeapError.readOnlyFolder(path: TestHeap.path)) {
            _ = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options, disk: refusing)
        }
        // The kernel ends it with the process.
        let dying = try open()
        try dying.change { $0.store(8, at: cell) }
        dying.loseLocks()
        let next = try heap.open()
        #expect(try next.look { $0.load(cell, as: Int.self) } == 8)
        try next.close()
    }

    /// The ring is mapped twice in succession, which requires whole pages.
    @Test func pagesOfOtherSystems() throws {
        for bytes in [4096, 16384] { try DataFile.requirePages(ofBytes: bytes, path: "/a.heap") }
        #expect(throws: HeapError.unsupportedPages(path: "/a.heap", bytes: 65_536, limit: 16_384)) {
            try DataFile.requirePages(ofBytes: 65_536, path: "/a.heap")
        }
    }

    @Test func networkFileSystem() throws {
        let (heap, cell) = try TestHeap.atRest()
        let before = heap.disk.currentFiles()
        heap.disk.fileSystemKind = .network("NFS")
        #expect(throws: HeapError.networkFileSystem(path: TestHeap.path, name: "NFS")) {
            try heap.open()
        }
        #expect(heap.disk.currentFiles() == before)
        // Reading an unchanged heap is harmless, but there is a warning.
        for mode in [OpenMode.readOnly, .privateCopy] {
            let reader = try heap.open(mode)
            #expect(try reader.look { $0.load(cell, as: Int.self) } == 5)
            #expect(
                reader.warnings.count == 1 && reader.warnings[0].contains("NFS")
                    && reader.warnings[0].contains(TestHeap.path))
            try reader.close()
        }
        var options = heap.options
        options.allowsNetworkFileSystems = true
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        #expect(writer.warnings.count == 1)
        try writer.change { $0.store(6, at: cell) }
        try writer.close()
        heap.disk.fileSystemKind = .unknown("FUSE")
        let unknown = try heap.open()
        #expect(unknown.warnings.count == 1 && unknown.warnings[0].contains("FUSE"))
        try unknown.close()
        heap.disk.fileSystemKind = .local
        #expect(try heap.open().warnings == [])
    }

    /// A new heap is not created there either.
    @Test func newHeapOnANetworkFileSystem() throws {
        let heap = TestHeap()
        heap.disk.fileSystemKind = .network("CIFS")
        #expect(throws: HeapError.networkFileSystem(path: TestHeap.path, name: "CIFS")) {
            try heap.open()
        }
        #expect(heap.disk.currentFiles().isEmpty)
    }

    // MARK: Other boots

    private func open(_ disk: any Disk, boot: UInt64, timeout: Duration = .seconds(30)) throws
        -> HeapEngine
    {
        var options = TestHeap.options
        options.process = TestProcess(boot: BootID(high: boot, low: 1))
        options.timeout = timeout
        return try HeapEngine(path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
    }

    /// After a restart of the machine the shared file's locks, snapshots and positions are invalid,
    /// but the records in its ring are self-validating.
    @Test func sharedFileOfAnotherBoot() throws {
        let disk = SimulatedDisk()
        let first = try open(disk, boot: 1)
        let cell = try first.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        try first.makeDurable()
        try first.change { $0.store(2, at: cell) }
        // The writer stopped inside a transaction, with the write lock.
        let open = try first.beginWrite()
        let left = SimulatedDisk(files: disk.currentFiles())
        let second = try self.open(left, boot: 2)
        #expect(try second.look { $0.load(cell, as: Int.self) } == 2)
        #expect(second.openViews().count == 1)
        try second.change { $0.store(3, at: cell) }
        try second.close()
        #expect(left.currentFiles().keys.sorted() == [TestHeap.path])
        first.abort(open)
        // While the heap is in use, a shared file of another boot cannot be the one that its users
        // share.
        #expect(
            throws: HeapError.logMissing(
                path: TestHeap.path, logPath: TestHeap.path + LogLayout.sharedSuffix)
        ) {
            try self.open(disk, boot: 2)
        }
        #expect(try first.look { $0.load(cell, as: Int.self) } == 2)
        try first.close()
    }

    // MARK: Waiting

    /// Each wait ends with an error that names its cause; nothing has changed, and the next attempt
    /// succeeds once the cause is gone.
    @Test func waitsEnd() throws {
        let heap = TestHeap()
        var options = heap.options
        options.timeout = .milliseconds(20)
        // Threads wait for each other at one image only.
        options.readerImages = 0
        let holder = try heap.open()
        let cell = try holder.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        let other = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        @Sendable func waiting(_ body: () throws -> Void) -> String? {
            do { try body() } catch HeapError.timedOut(path: TestHeap.path, waitingFor: let what) {
                return what
            } catch {
                return "\(error)"
            }
            return nil
        }
        let problems = Problems()
        func onThread(_ body: @escaping @Sendable () throws -> Void) {
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                problems.collect(body)
                done.signal()
            }
            done.wait()
        }
        nonisolated(unsafe) var said: [String?] = []
        // The write lock, held by another opening's transaction.
        let context = try holder.beginWrite()
        onThread {
            said.append(waiting { _ = try other.change { $0.store(2, at: cell) } })
            said.append(waiting { try other.checkpoint() })
            // Readers do not wait.
            if try other.look({ $0.load(cell, as: Int.self) }) != 1 {
                problems.add("a reader saw something else")
            }
        }
        holder.abort(context)
        #expect(said == ["another process's transaction", "another process's transaction"])
        // Threads of one opening: a reader excludes a writer, and a writer excludes all other
        // threads.
        said = []
        let read = try other.beginRead()
        onThread { said.append(waiting { try other.change { $0.store(2, at: cell) } }) }
        other.endRead(read)
        let write = try other.beginWrite()
        onThread {
            said.append(waiting { _ = try other.look { $0.load(cell, as: Int.self) } })
            said.append(waiting { try other.close() })
        }
        other.abort(write)
        #expect(
            said == [
                "another thread's transaction", "another thread's transaction",
                "another thread's transaction",
            ])
        // A checkpoint, and the opening itself.
        let file = try heap.disk.open(TestHeap.path, .readWrite)
        try other.change { $0.store(2, at: cell) }
        #expect(try file.tryLock(.checkpoint, exclusive: true))
        #expect(waiting { try other.checkpoint() } == "a checkpoint by another thread or process")
        file.unlock(.checkpoint)
        #expect(try file.tryLock(.opening, exclusive: true))
        #expect(
            waiting {
                _ = try HeapEngine(
                    path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
            }
                == "another process that opens or closes it")
        file.unlock(.opening)
        #expect(problems.all == [])
        try other.checkpoint()
        try other.change { $0.store(3, at: cell) }
        #expect(try holder.look { $0.load(cell, as: Int.self) } == 3)
        try other.close()
        try holder.close()
    }

    /// The file is replaced while an opening waits for its lock: it opens the new one, and creates
    /// no files beside it for the old one.
    @Test func replacedWhileOpening() throws {
        let (heap, cell) = try TestHeap.atRest()
        let other = try HeapEngine(
            path: "/sim/other.heap", mode: .readWrite, options: heap.options, disk: heap.disk)
        let otherCell = try other.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(77, at: cell)
            return cell
        }
        #expect(otherCell == cell)
        try other.close()
        let isDone = Mutex(false)
        // The file is open, but not locked yet.
        let tapped = TappedDisk(heap.disk) { call throws(SystemError) in
            guard call.operation == .status, !isDone.withLock({ $0 }) else { return }
            isDone.withLock { $0 = true }
            try heap.disk.renameReplacing("/sim/other.heap", to: TestHeap.path)
        }
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: heap.options, disk: tapped)
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 77)
        let second = try heap.open()
        try second.change { $0.store(78, at: cell) }
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 78)
        try engine.close()
        try second.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }
}
