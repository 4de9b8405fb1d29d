import HoldfastArchive
import HoldfastSystem
import Testing

@Suite struct ArchiveErrorTests {
    static let path = "/somewhere/archive/file"

    static let errors: [ArchiveError] = [
        .notFound(path: path),
        .noBase(path: path),
        .busy(path: path),
        .changedMeanwhile(path: path),
        .damagedSegment(path: path, what: "it is cut short"),
        .foreignSegment(path: path, identity: "a", expected: "b"),
        .misnamedSegment(path: path, rightName: "base"),
        .misnamedSegment(path: path, rightName: ""),
        .newerFormat(path: path, found: 3, supported: 2),
        .unknownFeatures(path: path, features: 4),
        .missingSegment(path: path, after: 7), .notFollowing(path: path),
        .otherHeap(path: path, identity: "a", expected: "b"),
        .differentState(path: path, commit: 7),
        .alreadyExists(path: path),
        .momentNotFound(path: path, moment: "after commit 9", oldest: 1, newest: 8),
        .notContinuous(path: path, newest: 7, found: 9),
        .unusable(path: path, what: "it has no commits"),
        .foreignFile(path: path, reason: "directory"),
        .diskFull(path: path),
        .io(operation: "read", path: path, code: 5),
    ]

    /// What happened, to which file, and what to do next: two sentences or more in one line.
    @Test func messagesSayWhatToDo() {
        for error in Self.errors {
            let text = "\(error)"
            #expect(text.contains(Self.path), "\(text)")
            #expect(!text.contains("\n"), "\(text)")
            #expect(text.split(separator: ". ").count >= 2 && text.hasSuffix("."), "\(text)")
        }
    }

    @Test func errorsOfTheSystemAreTranslated() {
        let path = Self.path
        let cases: [(SystemError, ArchiveError)] = [
            (SystemError(.write, path, .noSpace), .diskFull(path: path)),
            (SystemError(.list, path, .noSuchFileOrDirectory), .notFound(path: path)),
            (
                SystemError(.status, path, .isDirectory),
                .foreignFile(path: path, reason: "directory")
            ),
            (
                SystemError.foreignFile(path: path, .otherContents),
                .foreignFile(path: path, reason: "otherContents")
            ),
            (SystemError(.read, path, .ioError), .io(operation: "read", path: path, code: 5)),
        ]
        for (system, expected) in cases {
            let error = ArchiveError.system(system)
            #expect(error == expected)
        }
    }
}
