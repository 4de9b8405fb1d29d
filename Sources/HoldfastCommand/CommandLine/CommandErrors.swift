import Holdfast
import HoldfastEngine
import HoldfastTools
import MemoryMapping

/// An invalid call of the command. The exit status is 2.
struct UsageError: Error, Equatable {
    let message: String
    let verb: String?

    init(_ message: String, verb: String? = nil) {
        self.message = message
        self.verb = verb
    }

    /// One line that includes the next step.
    var description: String {
        "\(message)\(message.hasSuffix("?") ? "" : ".") See: holdfast "
            + "help\(verb.map { " " + $0 } ?? "")"
    }
}

/// An error that a verb itself has detected: one line that includes the next step. The exit status
/// is 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension HeapError {
    /// Like `description`, with the next step in terms of the command line.
    var commandDescription: String { PathBytes.display(commandSentence) }

    private var commandSentence: String {
        switch self {
        case .notFound(let path): "There is no heap file at \(path). Check the path."
        case .permissionDenied(let path, let operation):
            "Permission denied to \(operation) \(path). Change the file's permissions (chmod), or "
                + "ask its owner."
        case .readOnlyFolder(let path):
            "The folder of \(path) cannot be written to, and a heap that is open for writing needs "
                + "its log next to it. Make a copy elsewhere: holdfast copy \(path) DESTINATION"
        case .timedOut(let path, let what):
            "\(path) could not be used in time: \(what) did not finish. Look for a process that "
                + "hangs or is stopped, or wait longer: --timeout 120"
        case .rootNotFound(let path, let name):
            "\(path) has no root named \(DisplayText.quoted(Self.shortened(name))). Its roots are "
                + "listed by: holdfast info \(path)"
        case .alreadyExists(let path):
            "A file already exists at \(path), and it was not changed. Remove it first, or choose "
                + "another name."
        case .rootExists(let path, let name):
            "\(path) already has a root named \(DisplayText.quoted(Self.shortened(name))), and "
                + "nothing was loaded. Load it under another name: --as NAME"
        case .diskFull(let path):
            "The disk is full: \(path) could not be written, and nothing was changed. Free some "
                + "space and try again."
        case .fileTooLarge(let path):
            "\(path) could not be written, and nothing was changed: a limit for the size of files "
                + "was reached (ulimit -f, or the file system's). Raise the limit and try again."
        case .unknownType(let path, let name, let type):
            "The heap does not fully describe the type of the root "
                + "\(DisplayText.quoted(Self.shortened(name))) of \(path), "
                + "\(Self.shortened(type)). Use the program that made it."
        case .replaced(let path):
            "\(path) was removed or replaced while it was open. Run this again to use the current "
                + "file."
        case .following(let path):
            "\(path) is a standby that follows an archive, so it cannot be changed. Make it a heap of "
                + "its own: holdfast promote \(path)"
        case .parted(let path):
            "\(path) follows an archive, but was changed otherwise, so it cannot go on. Remove it, and "
                + "follow the archive anew; or keep it: holdfast promote \(path)"
        case .readOnly(let path):
            "\(path) is read-only. Change the file's permissions (chmod), or make a copy elsewhere."
        case .damagedPages(let path, let pages):
            Self.sentence(ofDamaged: pages, in: path)
                + " Restore it from a copy, or save what can be read: holdfast check \(path) "
                + "--repair OUT"
        default: description
        }
    }
}
