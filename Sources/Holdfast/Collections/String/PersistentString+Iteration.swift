import HoldfastEngine

// Walks that hold no more than a line, or a few characters, of the text in memory. A text may be
// appended to while it is walked; what is appended is walked, too. Every other change of its length
// traps.

extension PersistentString {
    /// The lines, without what ends them: a line feed, or a carriage return and a line feed. A text
    /// that ends with one has no empty line behind it.
    public var lines: Lines { Lines(text: self) }

    /// The characters, as `String` has them.
    public var characters: Characters { Characters(text: self) }

    /// Lines of a text, read one at a time.
    public struct Lines: Sequence {
        let text: PersistentString

        /// Walks the lines.
        public struct Iterator: IteratorProtocol {
            let text: PersistentString
            let changes: UInt32
            var position = 0

            init(text: PersistentString) {
                self.text = text
                changes = text.bytes.header.pointee.changes
            }

            /// The next line, or nil. O(its length).
            public mutating func next() -> String? {
                text.bytes.requireUnmoved(since: changes)
                return text.bytes.withBytes { bytes in
                    let start = PersistentString.boundary(from: position, bytes)
                    guard start < bytes.count else { return nil }
                    let feed = ByteSearch.index(of: 0x0a, in: bytes, from: start)
                    var end = feed ?? bytes.count
                    position = feed.map { $0 + 1 } ?? bytes.count
                    if feed != nil, end > start, bytes[end - 1] == 0x0d { end -= 1 }
                    return String(
                        decoding: UnsafeRawBufferPointer(rebasing: bytes[start ..< end]),
                        as: UTF8.self)
                }
            }
        }

        public func makeIterator() -> Iterator { Iterator(text: text) }
    }

    /// Characters of a text, read some at a time.
    public struct Characters: Sequence {
        let text: PersistentString

        /// Walks the characters.
        public struct Iterator: IteratorProtocol {
            let text: PersistentString
            let changes: UInt32
            /// The first byte that is not in `part` yet.
            private var position = 0
            private var part: Substring = ""

            init(text: PersistentString) {
                self.text = text
                changes = text.bytes.header.pointee.changes
            }

            /// The next character, or nil. Amortised O(its length).
            public mutating func next() -> Character? {
                text.bytes.requireUnmoved(since: changes)
                if part.isEmpty { read() }
                return part.popFirst()
            }

            /// Takes whole characters: all of a stretch of the text but the last, which might go on
            /// behind it.
            private mutating func read() {
                text.bytes.withBytes { bytes in
                    let start = PersistentString.boundary(from: position, bytes)
                    var length = 256
                    while start < bytes.count {
                        let end = PersistentString.boundary(
                            from: Swift.min(start + length, bytes.count), bytes)
                        let stretch = String(
                            decoding: UnsafeRawBufferPointer(rebasing: bytes[start ..< end]),
                            as: UTF8.self)
                        let whole = end == bytes.count ? stretch[...] : stretch.dropLast()
                        if !whole.isEmpty {
                            part = whole
                            position = start + whole.utf8.count
                            return
                        }
                        length *= 2
                    }
                }
            }
        }

        public func makeIterator() -> Iterator { Iterator(text: text) }
    }

    /// The first place at or behind `offset` that is no middle of a scalar.
    static func boundary(from offset: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = min(offset, bytes.count)
        while !isBoundary(offset, bytes) { offset += 1 }
        return offset
    }
}
