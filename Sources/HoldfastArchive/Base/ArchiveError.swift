import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// The errors of an archive. Each case says what happened, to which file, and what to do next.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum ArchiveError: Error, Equatable, Sendable {
    // The folder
    /// There is no such folder.
    case notFound(path: String)
    /// The folder has no base that could be used, so no state can be restored from it.
    case noBase(path: String)
    /// Another process or thread is changing the archive.
    case busy(path: String)
    /// Segments have been removed again and again while they were read.
    case changedMeanwhile(path: String)

    // Segments
    /// The segment does not have the bytes that were written; `what` says how that was found.
    case damagedSegment(path: String, what: String)
    /// The segment is of another heap than the rest of the archive.
    case foreignSegment(path: String, identity: String, expected: String)
    /// The archive is of another heap than the one that was to be added to it.
    case otherHeap(path: String, identity: String, expected: String)
    /// The segment's contents belong to another name, or to none.
    case misnamedSegment(path: String, rightName: String)
    /// The segment was made by a newer version of Holdfast.
    case newerFormat(path: String, found: UInt32, supported: UInt32)
    /// The segment uses features that this version of Holdfast does not know, given as bits.
    case unknownFeatures(path: String, features: UInt64)
    /// No segment continues from the commit `after`, and later ones are there.
    case missingSegment(path: String, after: UInt64)
    /// Laying the segment over the state before it has not made the state that the heap had.
    case differentState(path: String, commit: UInt64)
    /// A segment of this name exists already; it was not changed.
    case alreadyExists(path: String)

    // Moments
    /// The archive does not reach back to the moment, or not as far as it; `oldest` and `newest`
    /// are the commits that it has.
    case momentNotFound(path: String, moment: String, oldest: UInt64, newest: UInt64)

    // Following
    /// The heap does not follow an archive.
    case notFollowing(path: String)

    // Writing
    /// What should be archived does not continue from commit `newest`, the last in the archive.
    case notContinuous(path: String, newest: UInt64, found: UInt64)
    /// What should be archived is no part of a heap's history, as `what` says.
    case unusable(path: String, what: String)

    // The system
    /// A file of another kind has a name that the archive needs; it was not changed.
    case foreignFile(path: String, reason: String)
    /// The disk is full.
    case diskFull(path: String)
    /// A call to the operating system failed with this `errno`.
    case io(operation: String, path: String, code: Int32)
}

extension ArchiveError: SystemErrorConvertible {
    package static func system(_ error: SystemError) -> ArchiveError {
        switch error {
        case .foreignFile(let path, let obstacle):
            .foreignFile(path: path, reason: obstacle.rawValue)
        case .call(.status, let path, .isDirectory):
            .foreignFile(path: path, reason: FileObstacle.directory.rawValue)
        case .call(.status, let path, .invalidArgument):
            .foreignFile(path: path, reason: FileObstacle.specialFile.rawValue)
        case .call(_, let path, .noSpace), .call(_, let path, .diskQuotaExceeded):
            .diskFull(path: path)
        case .call(.list, let path, .noSuchFileOrDirectory): .notFound(path: path)
        case .call(let operation, let path, let errno):
            .io(operation: operation.rawValue, path: path, code: errno.rawValue)
        }
    }

    /// Whether a file that was to be opened was not there.
    var isOfMissingFile: Bool {
        if case .io("open", _, Errno.noSuchFileOrDirectory.rawValue) = self { true } else { false }
    }
}

extension ArchiveError: CustomStringConvertible {
    /// One line, whatever bytes the paths have that are no text.
    public var description: String { PathBytes.display(sentence) }

    private var sentence: String {
        switch self {
        case .notFound(let path):
            "There is no folder at \(path), so there is no archive. Check the path."
        case .noBase(let path):
            "\(path) has no usable base, so nothing can be restored from it. Restore the missing "
                + "files from a copy of the folder, or begin the archive anew."
        case .busy(let path):
            "\(path) is being changed by another process or thread. Wait for it, and try again."
        case .changedMeanwhile(let path):
            "Segments of \(path) were removed again and again while they were read. Try again when "
                + "nothing prunes the archive."
        case .damagedSegment(let path, let what):
            "\(path) is damaged: \(what). Restore the file from a copy of the archive. If there is "
                + "none, move it out of the folder and begin the archive anew; moments that need "
                + "it are lost."
        case .foreignSegment(let path, let identity, let expected):
            "\(path) is of another heap (\(identity)) than the archive (\(expected)). Move it out of "
                + "the folder."
        case .otherHeap(let path, let identity, let expected):
            "\(path) is the archive of another heap (\(identity)) than this one (\(expected)). Use "
                + "another folder for this heap; a copy or a restored heap counts as another."
        case .misnamedSegment(let path, let rightName):
            "\(path) does not have the name of its contents"
                + (rightName.isEmpty ? "" : ", which is \(rightName)")
                + ". Give it its name back, or move it out of the folder."
        case .newerFormat(let path, let found, let supported):
            "\(path) has version \(found) of segments, but this program knows versions up to "
                + "\(supported). Update the program."
        case .unknownFeatures(let path, let features):
            "\(path) uses features of a newer version of Holdfast (bits "
                + "\(String(features, radix: 16))). Update the program."
        case .missingSegment(let path, let after):
            "\(path) has no segment that continues from commit \(after), and has later ones. "
                + "Restore the missing file from a copy, or choose a moment before it or after the "
                + "next base."
        case .differentState(let path, let commit):
            "\(path) leads to another state of the heap at commit \(commit) than was archived. "
                + "Check the disk, and report this as an error of Holdfast; an older moment may be "
                + "sound."
        case .alreadyExists(let path):
            "\(path) exists already, and was not changed. Move it out of the folder if it is "
                + "damaged."
        case .momentNotFound(let path, let moment, let oldest, let newest):
            "\(path) does not have the heap \(moment): it has commits \(oldest) to \(newest). Choose "
                + "a moment between them."
        case .notFollowing(let path):
            "\(path) does not follow an archive. Choose another path for the heap that is to follow."
        case .notContinuous(let path, let newest, let found):
            "\(path) ends with commit \(newest), and what should be archived begins with the state "
                + "after commit \(found). Begin with a new base; if the heap is older than the "
                + "archive, use another folder."
        case .unusable(let path, let what):
            "\(path) cannot be written: \(what). Begin with a new base, and report this as an error "
                + "of Holdfast."
        case .foreignFile(let path, let reason):
            "\(path) blocks a name that the archive needs (\(reason)). Move it out of the folder; it "
                + "was not changed."
        case .diskFull(let path):
            "The disk is full: \(path) could not be written. Free some space and try again."
        case .io(let operation, let path, let code):
            "Could not \(operation) \(path): \(Errno(code)) (error \(code)). Check the disk and the "
                + "permissions of the folder, and try again."
        }
    }
}
