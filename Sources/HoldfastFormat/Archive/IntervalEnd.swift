/// The state of a heap's data file after a checkpoint interval.
package struct IntervalEnd: Equatable, Sendable, BitwiseCopyable {
    package static let byteCount = 56

    package var place: HistoryPlace
    /// Pages of the heap: everything from there on is dropped.
    package var heapPages: UInt64
    /// When the checkpoint was made, in seconds since 1970.
    package var time: UInt64
    /// The sum, modulo 2^64, of the checksums of the pages of the origin's data file; nil: unknown.
    package var pageSum: UInt64?

    package init(place: HistoryPlace, heapPages: UInt64, time: UInt64, pageSum: UInt64?) {
        self.place = place
        self.heapPages = heapPages
        self.time = time
        self.pageSum = pageSum
    }

    /// Of a layout that is being read.
    static let blank = IntervalEnd(place: .nothing, heapPages: 0, time: 0, pageSum: nil)

    mutating func transfer(_ bytes: some FieldTransfer, at offset: Int) {
        var sum = pageSum ?? 0
        // Bit 0: the sum is known. The others are reserved.
        var flags: UInt64 = pageSum == nil ? 0 : 1
        place.transfer(bytes, at: offset)
        bytes.field(&heapPages, at: offset + 24)
        bytes.field(&time, at: offset + 32)
        bytes.field(&sum, at: offset + 40)
        bytes.field(&flags, at: offset + 48)
        pageSum = flags & 1 == 0 ? nil : sum
    }

    package var isPlausible: Bool {
        place.isPlausible && HeapLayout.canHave(pages: heapPages) && time < HeapLayout.maximumCount
    }
}

extension HeapLayout {
    /// Whether a heap can have this number of pages.
    package static func canHave(pages: UInt64) -> Bool {
        pages >= initialPages && pages <= maximumBytes >> pageShift
    }
}
