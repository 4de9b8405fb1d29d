import Foundation
import Holdfast
import HoldfastSystem
import HoldfastTools

/// The moments of archives that operands of a call name, as heap files: `FOLDER@COMMIT`,
/// `FOLDER@TIME` or `FOLDER@newest`. They are restored to temporary files, which are removed with
/// this object.
final class ArchivedMoments {
    private var files: [String] = []

    deinit {
        for file in files { try? SystemDisk.shared.remove(file) }
    }

    /// The heap file that an operand names: itself, unless there is none of that name and it is a
    /// moment of an archive.
    func heapFile(_ operand: String, verb: String) throws -> String {
        guard !SystemDisk.shared.exists(operand), let separator = operand.lastIndex(of: "@") else {
            return operand
        }
        let folder = String(operand[..<separator])
        guard SystemDisk.shared.exists(folder) else { return operand }
        let text = String(operand[operand.index(after: separator)...])
        guard let moment = ArchiveMoment(commandText: text) else {
            throw UsageError(
                "\(DisplayText.quoted(text)) is no moment of \(DisplayText.oneLine(folder)): use "
                    + "the number of a commit, a time such as 2026-11-29T10:00:00Z, or newest",
                verb: verb)
        }
        let file = HeapArchive.unusedPath()
        files.append(file)
        try HeapArchive(folder).restore(to: file, at: moment) { _ in try Interruption.check() }
        return file
    }
}

extension ArchiveMoment {
    /// The moment that the text of an operand means.
    fileprivate init?(commandText text: String) {
        if text == "newest" {
            self = .newest
        } else if let commit = UInt64(text) {
            self = .commit(commit)
        } else if let time = Self.seconds(text) {
            self = .time(time)
        } else {
            return nil
        }
    }

    /// Seconds since 1970, from a time as in ISO 8601.
    static func seconds(_ text: String) -> UInt64? {
        (try? Date(text, strategy: .iso8601)).flatMap {
            UInt64(exactly: $0.timeIntervalSince1970.rounded(.down))
        }
    }
}
