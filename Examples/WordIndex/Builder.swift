import Holdfast

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `word-index build`: one transaction per file, so that after `kill -9` the index contains whole
/// files, and the next run continues with the rest.
struct Builder {
    let heapPath: String
    /// Nil means this package's own sources and documents.
    let folder: String?

    private struct Candidate {
        var path: String
        var bytes: Int64
        var modified: Double
    }

    func run() throws -> Int32 {
        let candidates = try textFiles()
        let heap = try TypedHeap<WordIndex>.open(heapPath)
        let known: Set<String> = try heap.read { index in
            let files = index.files
            return Set(
                candidates.filter { candidate in
                    guard let state = files[candidate.path] else { return false }
                    return state.bytes == candidate.bytes && state.modified == candidate.modified
                }.map(\.path))
        }
        let progress = Progress(total: candidates.count)
        var done = 0
        var indexed = 0
        var words = 0
        for candidate in candidates {
            if !known.contains(candidate.path),
                let text = try? Data(contentsOf: URL(filePath: candidate.path)),
                !text.prefix(8192).contains(0)
            {
                let count = try heap.write { add(candidate, text, to: $0) }
                // From here on the file is in the index, even if this process is killed.
                progress.clear()
                say("indexed \(candidate.path): \(count) words")
                indexed += 1
                words += count
            }
            done += 1
            progress.show(done: done, words: words)
        }
        progress.clear()
        let (files, distinct) = try heap.read { ($0.files.count, $0.words.count) }
        try heap.close()
        say("\(indexed) files indexed now, \(files) in the index, \(distinct) different words")
        return 0
    }

    private func add(_ file: Candidate, _ text: Data, to index: WordIndex) -> Int {
        let (names, words) = (index.names, index.words)
        if let old = index.files[file.path] {
            // Its postings stay and lead to an empty name, which `find` ignores.
            names[Int(old.index)] = ""
        }
        let number = Int32(names.count)
        names.append(file.path)
        var count = 0
        forEachWord(in: text) { word, line in
            let postings = words[creating: word]
            let posting = Posting(file: number, line: line)
            if let last = postings.last, last.file == number, last.line == line { return }
            postings.append(posting)
            count += 1
        }
        index.files[file.path] = FileState(
            index: number, bytes: file.bytes, modified: file.modified)
        return count
    }

    /// Returns every file under the folder that could be text, ordered by path. Folders whose name
    /// begins with a dot are skipped.
    private func textFiles() throws -> [Candidate] {
        let manager = FileManager.default
        let tops =
            folder.map { [$0] } ?? ["Sources", "Docs"].filter { manager.fileExists(atPath: $0) }
        guard !tops.isEmpty else {
            throw Problem("there is no Sources or Docs folder here; name the FOLDER to index")
        }
        var found: [Candidate] = []
        for top in tops {
            var isFolder = false
            guard manager.fileExists(atPath: top, isDirectory: &isFolder), isFolder else {
                throw Problem("\(top) is not a folder; name one that holds text files")
            }
            for name in try manager.subpathsOfDirectory(atPath: top) {
                if name.split(separator: "/").contains(where: { $0.hasPrefix(".") }) { continue }
                let path = top.hasSuffix("/") ? top + name : top + "/" + name
                guard let attributes = try? manager.attributesOfItem(atPath: path),
                    attributes[.type] as? FileAttributeType == .typeRegular
                else { continue }
                found.append(
                    Candidate(
                        path: path, bytes: Int64(attributes[.size] as? Int ?? 0),
                        modified: (attributes[.modificationDate] as? Date)?.timeIntervalSince1970
                            ?? 0))
            }
        }
        return found.sorted { $0.path < $1.path }
    }
}

/// An invalid call of the program.
struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
