import ExampleSupport
import Foundation
import Holdfast
import MemoryMapping

func build(_ arguments: inout Arguments) throws {
    let isAnew = arguments.flag("--anew")
    let path = try arguments.next("FILE")
    try arguments.end()
    let file = try MappedFile(path: path)
    try withHeap(Index.path(path), Contents.self) { heap in
        let index = Index(file: file, heap: heap)
        let isReplaced = try index.standing() == .replaced
        if isReplaced { remark("\(path) is not the file that was indexed: indexing it anew") }
        if isReplaced || isAnew {
            try heap.write { $0.removeAll() }
        }
        let (added, seconds) = try timed { try index.update() }
        let (rows, columns, bytes) = try heap.read { contents in
            (contents.rows.count, contents.columns.map(\.name), contents.progress.bytes)
        }
        guard !columns.isEmpty else {
            throw Problem("\(path) has no whole line, so its columns are not known")
        }
        say(
            "\(added) rows indexed now, \(rate(added, seconds)) a second; \(rows) rows, "
                + "\(megabytes(bytes))"
        )
        say("columns: \(columns.joined(separator: ", "))")
    }
}

func query(_ arguments: inout Arguments) throws {
    let limit = try arguments.option("--limit", in: 0 ... .max) ?? .max
    let path = try arguments.next("FILE")
    let column = try arguments.next("COLUMN")
    let range = try ValueRange(arguments.next("RANGE"))
    try arguments.end()
    let file = try MappedFile(path: path)
    guard FileManager.default.fileExists(atPath: Index.path(path)) else {
        throw Problem("\(path) has no index yet; make one with csv-index build \(path)")
    }
    let answer = try withHeap(Index.path(path), Contents.self) { heap in
        let index = Index(file: file, heap: heap)
        switch try index.standing() {
        case .same: break
        case .grown:
            let added = try index.update()
            if added > 0 { remark("\(path) has grown: \(added) new rows indexed") }
        case .replaced:
            throw Problem(
                "\(path) is not the file that was indexed; index it anew with csv-index build "
                    + "\(path)"
            )
        }
        try file.advise(.random)
        return try index.query(column, range, limit: limit)
    }
    say(([answer.header] + answer.lines.map(\.text)).joined(separator: "\n"))
    remark(
        "\(answer.lines.count) of \(answer.total) rows in the range; \(answer.rows) rows in the "
            + "file"
    )
}
