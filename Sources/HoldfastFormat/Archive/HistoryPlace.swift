/// A place of a heap's history: the end of a commit, or of all commits so far.
package struct HistoryPlace: Hashable, Sendable, BitwiseCopyable {
    package static let byteCount = 24
    /// Before the heap was there.
    package static let nothing = HistoryPlace(position: 0, chain: 0, commitNumber: 0)

    /// Bytes of log records since the heap was created.
    package var position: UInt64
    /// The checksum of the last log record below the position.
    package var chain: UInt64
    /// Commits since the heap was created.
    package var commitNumber: UInt64

    package init(position: UInt64, chain: UInt64, commitNumber: UInt64) {
        self.position = position
        self.chain = chain
        self.commitNumber = commitNumber
    }

    mutating func transfer(_ bytes: some FieldTransfer, at offset: Int) {
        bytes.field(&position, at: offset)
        bytes.field(&chain, at: offset + 8)
        bytes.field(&commitNumber, at: offset + 16)
    }

    /// Whether the numbers are within the limits of the format, so that sums cannot overflow.
    package var isPlausible: Bool {
        position < HeapLayout.maximumCount && position % 8 == 0
            && commitNumber < HeapLayout.maximumCount
    }

    /// Whether a commit can lead from `other` to this place.
    package func isAfter(_ other: HistoryPlace) -> Bool {
        position > other.position && commitNumber > other.commitNumber
    }
}

extension HeapHeader {
    /// The place of the checkpoint.
    package var place: HistoryPlace {
        HistoryPlace(
            position: checkpointPosition, chain: checkpointChain, commitNumber: commitNumber)
    }
}
