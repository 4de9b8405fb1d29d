import Holdfast
import Testing

/// Every error says what happened, to which file, and what to do next.
@Suite struct ErrorTests {
    private static let path = "/data/inventory.heap"

    @Test(arguments: [
        HeapError.notFound(path: path), .folderNotFound(path: path),
        .badPath(path: path, reason: "it is empty"),
        .foreignFile(path: path, reason: "it is a folder"),
        .badRootName(path: path, name: "a", reason: "it is bad"), .isDirectory(path: path),
        .notARegularFile(path: path),
        .permissionDenied(path: path, operation: "write"), .readOnlyFolder(path: path),
        .following(path: path), .parted(path: path), .emptyFile(path: path),
        .notAHeap(path: path), .newerFormat(path: path, found: 7, supported: 1),
        .unknownFeatures(path: path, features: 5, mayBeRead: true),
        .unknownFeatures(path: path, features: 5, mayBeRead: false),
        .usedByOtherVersion(path: path, found: 4, features: 0), .foreignByteOrder(path: path),
        .damagedHeader(path: path), .truncated(path: path, expectedBytes: 65_536, actualBytes: 100),
        .logMissing(path: path, logPath: path + "-log"),
        .foreignLog(path: path, logPath: path + "-log"),
        .damagedLog(path: path, logPath: path + "-log", lastWholeCommit: 12), .busy(path: path),
        .diskFull(path: path),
        .fileTooLarge(path: path), .tooLarge(path: path, limitBytes: 1 << 44),
        .io(operation: "sync", path: path, code: 5),
        .io(operation: "open", path: path, code: 24), .outOfMemory(path: path),
        .unusableNumber(path: path, what: "-1 bytes to reserve", wanted: "a size of 0 or more"),
        .failed(path: path, reason: "sync failed"), .closed(path: path), .readOnly(path: path),
        .missedNote(path: path, line: 3),
        .damaged(path: path, what: "a list has a loop"), .rootNotFound(path: path, name: "stock"),
        .undeclaredRoot(path: path, name: "stcok", similar: "stock"),
        .undeclaredRoot(path: path, name: "x", similar: nil),
        .rootTypeMismatch(
            path: path, name: "stock", stored: "Map<Int, Int>", requested: "Array<Int>",
            difference: "Map in the file"),
        .cannotCollect(path: path, reason: "the root \"log\" is of an unknown type"),
        .newerData(path: path, version: 3, known: 2),
        .migrationNeeded(path: path, version: 1, wanted: 2),
        .conversionUnfinished(path: path, name: "stock"),
        .timedOut(path: path, waitingFor: "another process's transaction"),
        .tooManyProcesses(path: path, limit: 192),
        .forked(path: path), .unknownBoot(path: path),
        .incoherentFileSystem(path: path, name: "FUSE"),
        .replaced(path: path), .unreadable(path: path, offset: 4096),
        .networkFileSystem(path: path, name: "NFS"),
        .unsupportedPages(path: path, bytes: 65_536, limit: 16_384),
        .damagedPages(path: path, pages: [3, 4, 5, 6, 7, 8]), .alreadyExists(path: path),
        .damagedPages(path: path, pages: [3]), .sameFile(path: path), .noFile(path: path),
        .rootExists(path: path, name: "stock"),
        .unknownType(path: path, name: "stock", type: "Array<Bolt{4 bytes}>"),
        .cannotExport(
            path: path, name: "stock", reason: "a reference leads to 8192, where there is no Bolt"),
        .badLine(path: path, line: 7, reason: "the given data was not valid JSON"),
    ])
    func namesTheFileAndTheNextStep(error: HeapError) {
        let text = error.description
        #expect(text.contains(Self.path))
        // What happened, and what to do: at least two complete sentences, on one line.
        #expect(text.split(separator: ".").count >= 2 && text.hasSuffix("."))
        #expect(!text.contains("\n"))
    }

    @Test func refusedTypesSayWhy() {
        let error = HeapError.notStorable(type: "Node", reason: "its field next is a pointer")
        #expect(
            error.description == "Node cannot be stored in a heap: its field next is a pointer.")
    }
}
