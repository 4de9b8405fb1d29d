import HoldfastSystem
import MemoryMapping

/// The errors of a heap. Each case says what happened, to which file, and what to do next.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum HeapError: Error, Equatable, Sendable {
    // Opening
    /// There is no file of this name.
    case notFound(path: String)
    /// The folder in which the file should lie is not there.
    case folderNotFound(path: String)
    /// No file can have this path; `reason` explains why.
    case badPath(path: String, reason: String)
    /// A file that does not belong to this heap has a name that the heap needs; `reason` says what
    /// it is. The file was not changed.
    case foreignFile(path: String, reason: String)
    /// The path leads to a folder.
    case isDirectory(path: String)
    /// The path leads to a pipe, a device or similar, or is not a file URL.
    case notARegularFile(path: String)
    /// The system denied permission for the named operation.
    case permissionDenied(path: String, operation: String)
    /// The log cannot be created beside the heap.
    case readOnlyFolder(path: String)
    /// The file is empty.
    case emptyFile(path: String)
    /// The file does not begin like a heap; it was not changed.
    case notAHeap(path: String)
    /// The file was made by a newer version of Holdfast; it was not changed.
    case newerFormat(path: String, found: UInt32, supported: UInt32)
    /// The file uses features that this version of Holdfast does not know, given as bits; it was
    /// not changed. `mayBeRead` says whether it can be opened read-only.
    case unknownFeatures(path: String, features: UInt64, mayBeRead: Bool)
    /// Processes whose version of Holdfast cannot share with this one have the heap open; `found`
    /// and `features` are the version and the feature bits of their shared file.
    case usedByOtherVersion(path: String, found: UInt32, features: UInt64)
    /// The file was made on a machine with the opposite byte order.
    case foreignByteOrder(path: String)
    /// Neither copy of the header matches its checksum.
    case damagedHeader(path: String)
    /// The file is shorter than its header says; sizes in bytes.
    case truncated(path: String, expectedBytes: UInt64, actualBytes: UInt64)
    /// The heap was in use, and its log is missing.
    case logMissing(path: String, logPath: String)
    /// The log beside the heap belongs to another heap, or to another state of this one.
    case foreignLog(path: String, logPath: String)
    /// A part of the log that was durable cannot be read; commits after the given one would be
    /// lost.
    case damagedLog(path: String, logPath: String, lastWholeCommit: UInt64)
    /// The heap follows an archive, and is not changed otherwise.
    case following(path: String)
    /// The heap follows an archive, and was changed otherwise.
    case parted(path: String)
    /// Another process is doing exclusive work, such as building or compacting.
    case busy(path: String)
    /// Another thread or process did not finish in time.
    case timedOut(path: String, waitingFor: String)
    /// All entries of the reader table are taken.
    case tooManyProcesses(path: String, limit: Int)
    /// The heap is open in other processes, and the system does not tell this process, or did not
    /// tell them, which boot of the machine this is. The heap was not changed.
    case unknownBoot(path: String)
    /// The heap was opened before this process was forked.
    case forked(path: String)
    /// The open file no longer has its name: it was removed, renamed or replaced.
    case replaced(path: String)
    /// A part of the file that is in use is missing or unreadable; `offset` is its first byte.
    case unreadable(path: String, offset: UInt64)
    /// The file is on a network file system, where processes of other machines would go unnoticed;
    /// see `PersistentHeap.Options.allowsNetworkFileSystems`.
    case networkFileSystem(path: String, name: String)
    /// Mappings on this file system do not show at once what another mapping or a write changes.
    /// The heap was not changed.
    case incoherentFileSystem(path: String, name: String)
    /// This machine's memory pages are too large for mapping a log; both sizes in bytes.
    case unsupportedPages(path: String, bytes: Int, limit: Int)
    /// The checksums of these pages do not match; pages of 4096 bytes are numbered from 0.
    case damagedPages(path: String, pages: [Int])
    /// A file already exists at the path of the new one; it was not changed.
    case alreadyExists(path: String)
    /// The new file would be the heap itself, which was not changed.
    case sameFile(path: String)
    /// The operation is not possible on a private copy, which no other opening can see.
    case noFile(path: String)

    // Working
    /// The disk was too full for the transaction, which was rolled back.
    case diskFull(path: String)
    /// A file size limit was reached; the transaction was rolled back.
    case fileTooLarge(path: String)
    /// The heap would outgrow the addresses and memory available to this process, or the maximum
    /// size of a heap, `limitBytes`; the transaction was rolled back.
    case tooLarge(path: String, limitBytes: UInt64)
    /// The system denied this process memory or addresses; nothing was changed.
    case outOfMemory(path: String)
    /// A number given by the program is out of range: `what` names it, `wanted` describes the
    /// range.
    case unusableNumber(path: String, what: String, wanted: String)
    /// A call to the operating system failed with this `errno`.
    case io(operation: String, path: String, code: Int32)
    /// The transaction *was* committed: every process sees it, and it survives a kill. Whether it
    /// survives a power cut is unknown, for the given reason. Do not run it again. Call `sync`
    /// again; after `failed`, close the heap and open it to see its state.
    indirect case committedNotDurable(path: String, because: HeapError)
    /// An earlier write or sync failed, so the state on the disk is unknown.
    case failed(path: String, reason: String)
    /// This `PersistentHeap` object has been closed.
    case closed(path: String)
    /// The snapshot was ended because nobody was reading it, and too many pages had to be kept for
    /// it and others.
    case viewEnded(path: String)
    /// The program cancelled the work; nothing was changed.
    case cancelled(path: String)
    /// The heap was opened for reading only.
    case readOnly(path: String)
    /// Found by the tests' verifier: bytes changed in a line that was not marked dirty.
    case missedNote(path: String, line: UInt64)
    /// The file's contents contradict each other.
    case damaged(path: String, what: String)

    // Roots and types
    /// There is no root of this name.
    case rootNotFound(path: String, name: String)
    /// The program tried to create a root whose name is not in `Options.rootNames`; `similar` is
    /// the closest name in it, if any is close.
    case undeclaredRoot(path: String, name: String, similar: String?)
    /// A root cannot have this name; `reason` explains why.
    case badRootName(path: String, name: String, reason: String)
    /// The root's recorded type description differs from that of the requested type; `difference`
    /// describes the first difference.
    case rootTypeMismatch(
        path: String, name: String, stored: String, requested: String, difference: String)
    /// The data has a version that this program has no migration for; see `HeapMigration`.
    case newerData(path: String, version: Int, known: Int)
    /// The data is older than the version this program knows, and the heap was not opened for
    /// writing.
    case migrationNeeded(path: String, version: Int, wanted: Int)
    /// The conversion of the root to this program's type has begun and is not complete; see
    /// `SchemaChanges`.
    case conversionUnfinished(path: String, name: String)
    /// Unreachable blocks cannot be told from blocks reachable through a root of unknown type.
    case cannotCollect(path: String, reason: String)
    /// A root of this name already exists.
    case rootExists(path: String, name: String)
    /// The program has no type with this type description.
    case unknownType(path: String, name: String, type: String)
    /// The root's contents cannot be exported.
    case cannotExport(path: String, name: String, reason: String)
    /// A line of the import, counted from 1, is invalid; `path` is that of the file, or of the heap
    /// if the lines came from the program.
    case badLine(path: String, line: Int, reason: String)
    /// A type that cannot be stored in a heap.
    case notStorable(type: String, reason: String)
}

extension HeapError {
    /// Whether the error says nothing about the files, so that no heap is damaged by it.
    var isOfThisProcessAlone: Bool {
        switch self {
        case .timedOut, .outOfMemory: true
        case .io(let operation, _, _), .permissionDenied(_, let operation):
            SystemError.Operation(rawValue: operation)?.concernsThisProcessAlone ?? false
        default: false
        }
    }
}

extension HeapError: CustomStringConvertible {
    /// One line, whatever the names, types and reasons in it; very long parts are shortened.
    public var description: String { PathBytes.display(sentence) }

    private var sentence: String {
        switch self {
        case .notFound(let path):
            "There is no heap file at \(path). Check the path, or open it for writing to make one."
        case .folderNotFound(let path):
            "The folder of \(path) does not exist, so there is no heap. Create the folder first, "
                + "or check the path."
        case .badPath(let path, let reason):
            "\(path.isEmpty ? "\"\"" : path) cannot be the path of a file: \(reason). Choose "
                + "another one."
        case .foreignFile(let path, let reason):
            "\(path) blocks a name that the heap needs: \(reason). Remove the file if it is not "
                + "needed, or rename it or the heap. It was not changed."
        case .isDirectory(let path):
            "\(path) is a folder, not a heap file. Name a file inside it."
        case .notARegularFile(let path):
            "\(path) is not a regular file, so it cannot be a heap. Name a file on a disk."
        case .permissionDenied(let path, let operation):
            "Permission denied to \(operation) \(path). Change the file's permissions, or open the "
                + "heap read-only."
        case .readOnlyFolder(let path):
            "The folder of \(path) cannot be written to, and a heap that is open for writing needs "
                + "its log next to it. Move the heap to a writable folder, or open it read-only."
        case .following(let path):
            "\(path) follows an archive, so it cannot be changed. Open it read-only, or make it a "
                + "heap of its own with promote()."
        case .parted(let path):
            "\(path) follows an archive, but was changed otherwise, so it cannot go on. Remove it and "
                + "follow the archive anew, or make it a heap of its own with promote()."
        case .emptyFile(let path):
            "\(path) is empty, so it is not a heap. Remove it to create a new heap there, or "
                + "restore it from a copy."
        case .notAHeap(let path):
            "\(path) is not a Holdfast heap: it has no heap header. Check the path; the file was "
                + "not changed."
        case .newerFormat(let path, let found, let supported):
            "\(path) has format version \(found), but this program knows versions up to "
                + "\(supported). Update the program; the file was not changed."
        case .unknownFeatures(let path, let features, let mayBeRead):
            "\(path) uses features of a newer version of Holdfast (bits "
                + "\(String(features, radix: 16))). Update the program"
                + (mayBeRead ? ", or open the heap read-only" : "")
                + "; the file was not changed."
        case .usedByOtherVersion(let path, let found, let features):
            "\(path) is open in a process with another version of Holdfast, which shares it in "
                + "another way (version \(found)"
                + (features == 0 ? "" : ", features \(String(features, radix: 16))")
                + "). Close the heap there, or use one version in all processes."
        case .foreignByteOrder(let path):
            "\(path) was made on a machine with the opposite byte order. Export it there and "
                + "import it here."
        case .damagedHeader(let path):
            "Both copies of the header of \(path) are damaged. Restore the file from a copy; it "
                + "was not changed."
        case .truncated(let path, let expected, let actual):
            "\(path) is truncated: it should have at least \(expected) bytes and has \(actual). "
                + "Restore it from a copy; it was not changed."
        case .logMissing(let path, let logPath):
            "\(path) was in use when its program ended or it was copied, and its log \(logPath) is "
                + "missing. Restore the log next to it (copy both files), use the name that it was "
                + "opened with if it has several, or restore the heap from a copy."
        case .foreignLog(let path, let logPath):
            "The log \(logPath) does not belong to this state of \(path). Restore the log that was "
                + "next to the heap, or restore both from one copy."
        case .damagedLog(let path, let logPath, let commit):
            "The log \(logPath) of \(path) is damaged after commit \(commit), in a part that had "
                + "been durable. Restore both files from a copy; they were not changed."
        case .busy(let path):
            "\(path) is in use by another process that needs exclusive access, or is open in others "
                + "while this one needs it. Wait for them to finish, and try again."
        case .timedOut(let path, let what):
            "\(path) could not be used in time: \(what) did not finish. Look for a process that "
                + "hangs or is stopped, or allow a longer timeout."
        case .tooManyProcesses(let path, let limit):
            "\(path) already has \(limit) openings, the maximum. Close one of them first."
        case .unknownBoot(let path):
            "\(path) is open in other processes, and it is unknown whether they belong to this boot "
                + "of the machine: /proc/sys/kernel/random/boot_id cannot be read here, or could "
                + "not be read there. Mount /proc in both places, or close the heap there first."
        case .forked(let path):
            "\(path) was opened before this process was forked, and belongs to its parent. Open it "
                + "again in this process."
        case .replaced(let path):
            "\(path) was removed or replaced while it was open. Changes made since then are in the "
                + "old file, which no longer has a name; close the heap and open it again to use "
                + "the current file."
        case .unreadable(let path, let offset):
            "\(path) cannot be read at byte \(offset): it was truncated while it was open, or the "
                + "disk has failed. Close it and check the disk; restore the file from a copy if "
                + "it is damaged."
        case .networkFileSystem(let path, let name):
            "\(path) is on a network file system (\(name)), where processes on other machines "
                + "would not see each other's changes. Move it to a local disk, open it exclusively "
                + "(Options.isExclusive), or allow it in the options if only this machine uses it."
        case .incoherentFileSystem(let path, let name):
            "\(path) is on a file system (\(name)) that does not show in one mapping what is written "
                + "through another: no heap can be used there. Move it to a local disk, or use "
                + "another way to mount it."
        case .unsupportedPages(let path, let bytes, let limit):
            "\(path) cannot be opened for writing here: this system's memory pages are \(bytes) "
                + "bytes, and the log can be mapped in pages of up to \(limit). Open it read-only, "
                + "or write to it on a system with smaller pages."
        case .damagedPages(let path, let pages):
            Self.sentence(ofDamaged: pages, in: path)
                + " They were changed on the disk or by another program; restore the file from a "
                + "copy."
        case .noFile(let path):
            "\(path) is open as a private copy, which exists only in this process's memory and can "
                + "be neither copied nor seen by another opening. Open it in another mode for that."
        case .alreadyExists(let path):
            "A file already exists at \(path), and it was not changed. Remove it first, or choose "
                + "another name."
        case .sameFile(let path):
            "\(path) is the heap itself, by this path or another: a copy of it cannot take its "
                + "place. Choose another name for the new file."
        case .diskFull(let path):
            "The disk is full: \(path) could not grow, and the transaction was rolled back. Free "
                + "some space and try again."
        case .fileTooLarge(let path):
            "\(path) could not grow: a limit for the size of files was reached (ulimit -f, or the "
                + "file system's), and the transaction was rolled back. Raise the limit and try "
                + "again."
        case .tooLarge(let path, let limit):
            "\(path) would grow beyond \(limit) bytes, as much as a heap can be or this process "
                + "has addresses and memory for, and the change was rolled back. Split the data "
                + "over several heaps or transactions, or raise the limits (ulimit -v, ulimit -d)."
        case .outOfMemory(let path):
            "There is no memory or address space left for \(path), and nothing was changed. "
                + "Release unused resources, or raise the limits (ulimit -v, ulimit -d), and try "
                + "again."
        case .unusableNumber(let path, let what, let wanted):
            "\(what) cannot be used for \(path), which was not changed. Give \(wanted)."
        case .io(let operation, let path, let code):
            "Could not \(operation) \(path): \(Errno(code)) (error \(code)). "
                + Self.advice(for: code)
        case .committedNotDurable(let path, let reason):
            "The transaction was committed to \(path), but it is not known whether it would "
                + "survive a power cut: \(reason) Do not run "
                + "it again; call sync() once the cause is gone."
        case .failed(let path, let reason):
            "\(path) accepts no more changes because an earlier write failed (\(reason)). Close it "
                + "and open it again: it reopens at the last commit that reached the disk or the "
                + "log."
        case .closed(let path):
            "The heap \(path) has been closed. Open it again to use it."
        case .viewEnded(let path):
            "The snapshot of \(path) has been ended: the pages that were kept for it and others "
                + "exceeded the limit, and nobody was reading it. Open a new one, close snapshots "
                + "when they are no longer needed, or raise the limit (Options.viewBudget)."
        case .cancelled(let path):
            "The work on \(path) was cancelled, and nothing was changed. Start it again if needed."
        case .readOnly(let path):
            "\(path) was opened read-only. Open it for writing to change it."
        case .missedNote(let path, let line):
            "Bytes \(line * 64)..<\(line * 64 + 64) of \(path) were changed without a write note, "
                + "so the change would not "
                + "have been logged. This is a defect of the code that made the change."
        case .damaged(let path, let what):
            "\(path) is damaged: \(what). Restore it from a copy."
        case .rootNotFound(let path, let name):
            "\(path) has no root named \(Self.quoted(name)). Create it in a write transaction, or "
                + "check the name against tx.roots."
        case .badRootName(let path, let name, let reason):
            "No root of \(path) can be named \(Self.quoted(name)): \(reason). Choose another name."
        case .undeclaredRoot(let path, let name, let similar):
            "\(path) has no root named \(Self.quoted(name)), and the program does not declare one."
                + (similar.map { " Did it mean \(Self.quoted($0))?" } ?? "")
                + " Correct the name, or add it to Options.rootNames; nothing was created."
        case .rootTypeMismatch(let path, let name, let stored, let requested, let difference):
            "The root \(Self.quoted(name)) of \(path) has a different type than requested: "
                + "\(Self.shortened(difference)). Request it with its stored type, use another "
                + "name, or declare a migration. In the file: \(Self.shortened(stored)). "
                + "Requested: \(Self.shortened(requested))."
        case .newerData(let path, let version, let known):
            "The data in \(path) is at version \(version), but this program knows versions up to "
                + "\(known). Update the program, or raise HeapSchema.schemaVersion if it takes a "
                + "change back; the data was not changed."
        case .migrationNeeded(let path, let version, let wanted):
            "The data in \(path) is at version \(version) and must be migrated to version "
                + "\(wanted) first. Open it once for writing."
        case .conversionUnfinished(let path, let name):
            "The root \(Self.quoted(name)) of \(path) is being converted to its new type, or the "
                + "program that began it has ended. Try again, or open the heap for writing with "
                + "its schema."
        case .cannotCollect(let path, let reason):
            "Unreachable objects cannot be identified in \(path): \(reason). Name the types of all "
                + "roots, or check the heap first."
        case .rootExists(let path, let name):
            "\(path) already has a root named \(Self.quoted(name)), and nothing was imported. "
                + "Remove or rename it first, or import under another name."
        case .unknownType(let path, let name, let type):
            "This program does not know the type of the root \(Self.quoted(name)) of \(path), "
                + "\(Self.shortened(type)). Pass the types that it contains as `knowing`."
        case .cannotExport(let path, let name, let reason):
            "The root \(Self.quoted(name)) of \(path) cannot be exported: "
                + "\(Self.shortened(reason)). Check the heap, and change what is in the way."
        case .badLine(let path, let line, let reason):
            "Line \(line) of the import is invalid (\(path)): \(Self.shortened(reason)). Nothing "
                + "was imported; fix the line, or export again."
        case .notStorable(let type, let reason):
            "\(Self.shortened(type)) cannot be stored in a heap: \(Self.shortened(reason))."
        }
    }
}

extension HeapError {
    /// Advice for a system error.
    private static func advice(for code: Int32) -> String {
        switch Errno(code) {
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            "Close some files, or raise the limit of open files (ulimit -n), and try again."
        default: "Check the disk and the system's log, then open the heap again."
        }
    }

    /// Converts an error of the system layer.
    public init(_ error: SystemError) {
        switch error {
        case .foreignFile(let path, let obstacle):
            self = .foreignFile(path: path, reason: Self.description(of: obstacle))
        case .call(let operation, let path, let errno):
            self.init(operation, path: path, errno)
        }
    }

    private init(_ operation: SystemError.Operation, path: String, _ errno: Errno) {
        switch (errno, operation) {
        case (.noSuchFileOrDirectory, .open): self = .notFound(path: path)
        case (.isDirectory, _): self = .isDirectory(path: path)
        case (.invalidArgument, .status), (.noSuchAddressOrDevice, .open):
            self = .notARegularFile(path: path)
        case (.permissionDenied, _), (.notPermitted, _):
            self = .permissionDenied(path: path, operation: operation.rawValue)
        case (.readOnlyFileSystem, _): self = .readOnlyFolder(path: path)
        case (.noSpace, _), (.diskQuotaExceeded, _): self = .diskFull(path: path)
        case (.fileTooLarge, _): self = .fileTooLarge(path: path)
        case (.noMemory, _): self = .outOfMemory(path: path)
        default: self = .io(operation: operation.rawValue, path: path, code: errno.rawValue)
        }
    }

    /// The string, or the beginning and the end of a very long one.
    package static func shortened(_ text: String) -> String {
        let (head, tail) = (400, 200)
        guard text.utf8.count > 4 * (head + tail) else { return text }
        return String(text.unicodeScalars.prefix(head)) + " … "
            + String(text.unicodeScalars.suffix(tail))
    }

    /// Which pages of a file do not match their checksums, as a sentence.
    package static func sentence(ofDamaged pages: [Int], in path: String) -> String {
        guard pages.count != 1 else {
            return "Page \(pages[0]) of \(path) does not match its checksum."
        }
        let some = pages.prefix(5).map(String.init).joined(separator: ", ")
        return "\(pages.count) pages of \(path) do not match their checksums "
            + "(\(some)\(pages.count > 5 ? ", …" : ""))."
    }

    /// A name in quotes, with line breaks and similar characters escaped.
    private static func quoted(_ name: String) -> String { shortened(name).debugDescription }

    private static func description(of obstacle: FileObstacle) -> String {
        switch obstacle {
        case .symbolicLink: "it is a symbolic link, which heaps do not follow there"
        case .directory: "it is a folder"
        case .severalNames: "it is a file that has several names (hard links)"
        case .specialFile: "it is a pipe or a device"
        case .otherContents:
            "it was not made by this heap, or belongs to another heap that had the same name"
        }
    }

    /// For a path that no file can have, or whose folder is missing.
    package init(_ objection: PathObjection, path: String) {
        switch objection {
        case .isEmpty: self = .badPath(path: path, reason: "it is empty")
        case .hasZero: self = .badPath(path: path, reason: "it contains a zero byte")
        case .noFolder: self = .folderNotFound(path: path)
        case .notAFolder:
            self = .badPath(path: path, reason: "a part of it that should be a folder is a file")
        case .nameTooLong(let bytes, let limit):
            self = .badPath(
                path: path,
                reason:
                    "with the longest name beside it, its name would take \(bytes) bytes of the "
                    + "\(limit) that a name can have"
            )
        case .pathTooLong(let bytes, let limit):
            self = .badPath(
                path: path,
                reason:
                    "with the longest name beside it, it would take \(bytes) bytes of the \(limit) "
                    + "that a path can have"
            )
        }
    }
}
