import HoldfastEngine

// Iteration that holds at most a line, or a few characters, of the string in memory. The string may
// be appended to during iteration, and the appended part is visited too. Every other change of its
// length traps.

extension PersistentString {
    /// The lines, without their terminators: a line feed, or a carriage return and a line feed. A
    /// string that ends with a terminator has no empty line after it.
    public var lines: Lines { Lines(text: self) }

    /// The characters, as defined by `String`.
    public var characters: Characters { Characters(text: self) }

    /// The lines of a string, read one at a time.
    public struct Lines: Sequence {
        let text: PersistentString

        /// An iterator over the lines.
        public struct Iterator: IteratorProtocol {
            let text: PersistentString
            let changes: UInt32
            var position = 0

            init(text: PersistentString) {
                self.text = text
                changes = text.bytes.opened("makeIterator()").pointee.changes
            }

            /// Returns the next line, or nil at the end.
            ///
            /// - Complexity: O(*m*), where *m* is the length of the line.
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

    /// The characters of a string, read in portions.
    public struct Characters: Sequence {
        let text: PersistentString

        /// An iterator over the characters.
        public struct Iterator: IteratorProtocol {
            let text: PersistentString
            let changes: UInt32
            /// The position of the first byte that is not in `part` yet.
            private var position = 0
            private var part: Substring = ""

            init(text: PersistentString) {
                self.text = text
                changes = text.bytes.opened("makeIterator()").pointee.changes
            }

            /// Returns the next character, or nil at the end.
            ///
            /// - Complexity: Amortised O(*m*), where *m* is the length of the character.
            public mutating func next() -> Character? {
                text.bytes.requireUnmoved(since: changes)
                if part.isEmpty { read() }
                return part.popFirst()
            }

            /// Reads whole characters: all of a portion of the string except the last, which may
            /// continue after it.
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

    /// Returns the first scalar boundary at or after `offset`.
    static func boundary(from offset: Int, _ bytes: UnsafeRawBufferPointer) -> Int {
        var offset = min(offset, bytes.count)
        while !isBoundary(offset, bytes) { offset += 1 }
        return offset
    }
}
