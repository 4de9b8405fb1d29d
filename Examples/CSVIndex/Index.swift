import ExampleSupport
import Holdfast
import MemoryMapping

/// A CSV file and the heap next to it that indexes its rows.
struct Index {
    let file: MappedFile
    let heap: TypedHeap<Contents>

    static func path(_ file: String) -> String { file + ".index" }

    /// The state of the file, compared with the indexed part.
    enum Standing {
        case same
        /// The file has more rows.
        case grown
        /// The file does not begin with the indexed part, or is shorter.
        case replaced
    }

    func standing() throws -> Standing {
        let progress = try heap.read { $0.progress }
        return try file.withBytes { bytes throws(MappingError) in
            guard progress.bytes > 0 else { return .grown }
            guard bytes.byteCount >= progress.bytes else { return .replaced }
            let now = Progress(bytes, upTo: progress.bytes)
            guard now.head == progress.head, now.tail == progress.tail else { return .replaced }
            return bytes.byteCount > progress.bytes ? .grown : .same
        }
    }

    /// Continues where the last run stopped, in transactions of up to `batch` rows. Returns the
    /// number of new rows.
    ///
    /// Rows, chains and the position are committed together. So a run that is killed has indexed
    /// each row once or not at all, and the next one continues. Throws if the rest of the file is
    /// inside a quote that is never closed, after indexing all rows before it.
    func update(batch: Int = 20_000) throws -> Int {
        try requireBytes()
        try file.advise(.sequential)
        var added = 0
        var isDone = false
        while !isDone {
            try heap.write { contents in
                let count = contents.rows.count
                try file.withBytes { bytes throws in
                    isDone = try add(bytes, to: contents, atMost: batch)
                }
                added += contents.rows.count - count
            }
        }
        try requireNoOpenQuote()
        return added
    }

    /// The parser handles UTF-8, and other encodings with single bytes for commas, quotes and
    /// newlines.
    private func requireBytes() throws {
        let isWide = try file.withBytes { bytes throws(MappingError) in
            bytes.extracting(first: 4).withUnsafeBytes { start in
                let isMarked =
                    start.starts(with: [0xff, 0xfe]) || start.starts(with: [0xfe, 0xff])
                // In UTF-16 without a byte order mark, every other byte of ordinary text is zero.
                let zeros = start.map { $0 == 0 }
                return isMarked || zeros == [false, true, false, true]
                    || zeros == [true, false, true, false]
            }
        }
        guard isWide else { return }
        throw Problem(
            "\(file.path) is text in UTF-16 or UTF-32; make it UTF-8 first, as with iconv -f "
                + "UTF-16 -t UTF-8"
        )
    }

    /// An incomplete last row is normal, even if a cell of two lines is truncated. But if more
    /// lines are inside its quotes, a quote is missing.
    private func requireNoOpenQuote() throws {
        let done = try heap.read { $0.progress.bytes }
        let line = try file.withBytes { bytes throws(MappingError) -> Int? in
            var row = Row()
            guard !row.read(bytes, at: done > 0 ? done : byteOrderMark(bytes)),
                let quote = row.openQuote
            else { return nil }
            func isLineEnd(_ place: Int) -> Bool {
                bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self) == UInt8(ascii: "\n")
            }
            guard (quote ..< bytes.byteCount).count(where: isLineEnd) > 1 else { return nil }
            return 1 + (0 ..< quote).count(where: isLineEnd)
        }
        guard let line else { return }
        throw Problem(
            "\(file.path) ends inside of the quotes that begin in line \(line), so that line and "
                + "all behind it are not indexed; close the quotes there and build the index again")
    }

    /// Adds rows. Returns whether there are no more. If the file is truncated in the meantime,
    /// `withBytes` throws, and the transaction is rolled back.
    private func add(
        _ bytes: RawSpan, to contents: Contents, atMost batch: Int
    ) throws -> Bool {
        var row = Row()
        var position = contents.progress.bytes
        if position == 0 {
            guard row.read(bytes, at: byteOrderMark(bytes)) else { return true }
            for number in row.cells.indices {
                contents.columns.append(Column(name: row.cell(number, bytes)))
            }
            position = row.end
        }
        // Asking for a root once is enough for all rows.
        let (all, rows) = (contents.columns, contents.rows)
        let columns = all.indices.map { ColumnIndex(all[ref: $0]) }
        var added = 0
        while added < batch, row.read(bytes, at: position) {
            position = row.end
            if row.bytes.isEmpty { continue }
            guard let number = UInt32(exactly: rows.count) else {
                throw Problem("\(file.path) has more rows than an index can hold")
            }
            rows.append(row.bytes.lowerBound)
            for (place, column) in columns.enumerated() {
                column.add(row.value(place, bytes), row: number)
            }
            added += 1
        }
        contents.progress = Progress(bytes, upTo: position)
        return added < batch
    }

    /// Some programs begin a UTF-8 file with these three bytes.
    private func byteOrderMark(_ bytes: RawSpan) -> Int {
        bytes.extracting(first: 3).withUnsafeBytes { $0.elementsEqual([0xef, 0xbb, 0xbf]) } ? 3 : 0
    }
}

/// A column's maps and its chains, looked up once for many rows.
struct ColumnIndex {
    let numbers: PersistentSortedMap<Double, Chain>
    let texts: PersistentSortedMap<String, Chain>
    let next: PersistentArray<UInt32>

    init(_ column: HeapRef<Column>) {
        numbers = column.numbers
        texts = column.texts
        next = column.next
    }

    func add(_ value: Value, row: UInt32) {
        next.append(0)
        switch value {
        case .number(let number):
            link(row, &numbers[number, default: Chain(first: row, last: row, count: 0)])
        case .text(let text):
            link(row, &texts[text, default: Chain(first: row, last: row, count: 0)])
        }
    }

    private func link(_ row: UInt32, _ chain: inout Chain) {
        if chain.count > 0 { next[Int(chain.last)] = row }
        chain.last = row
        chain.count += 1
    }

    /// Returns the rows of a chain, in the order of the file.
    func rows(_ chain: Chain) -> some Sequence<UInt32> {
        sequence(first: chain.first) { row in next[Int(row)] == 0 ? nil : next[Int(row)] }
    }
}

extension Progress {
    /// Describes the first `bytes` bytes of a file.
    init(_ file: RawSpan, upTo bytes: Int) {
        self.bytes = bytes
        let length = min(bytes, 4096)
        head = Self.fingerprint(file, 0 ..< length)
        tail = Self.fingerprint(file, bytes - length ..< bytes)
    }

    /// The hash of Fowler, Noll and Vo. A different text almost certainly has a different hash.
    private static func fingerprint(_ file: RawSpan, _ range: Range<Int>) -> UInt64 {
        range.reduce(0xcbf2_9ce4_8422_2325) {
            ($0 ^ UInt64(file.unsafeLoad(fromByteOffset: $1, as: UInt8.self))) &* 0x100_0000_01b3
        }
    }
}
