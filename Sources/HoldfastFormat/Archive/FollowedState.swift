/// What a heap that follows an archive says of that, in reserved bytes of the allocator's root. So
/// it changes atomically with the heap's contents.
///
///     offset size
///       32    24   the place of the archive's history that the heap is at
///       56     8   the number of the heap's own commit that led there, plus 1; 0: it follows none
@usableFromInline
package struct FollowedState: Equatable, Sendable, BitwiseCopyable {
    @inlinable
    package static var offset: UInt64 { AllocatorRoot.offset + 32 }

    package var place: HistoryPlace
    private var mark: UInt64

    /// `ownCommit`: the number of the heap's own commit that leads to the place.
    package init(at place: HistoryPlace, ownCommit: UInt64) {
        self.place = place
        mark = ownCommit + 1
    }

    /// The state of a heap that follows nothing.
    package static let none = FollowedState()

    private init() {
        place = .nothing
        mark = 0
    }

    package var isFollowing: Bool { mark != 0 }

    /// Whether the heap's own commit of this number led to the place, and nothing else was
    /// committed since.
    package func isResult(ofOwnCommit number: UInt64) -> Bool { mark == number + 1 }

    /// Reads it from the heap that begins at `base`, or writes it there.
    package init(of base: UnsafeRawPointer) {
        self.init()
        unsafe transfer(FieldReader(base + Int(Self.offset)))
    }

    package func store(to base: UnsafeMutableRawPointer) {
        var state = self
        unsafe state.transfer(FieldWriter(base + Int(Self.offset)))
    }

    private mutating func transfer(_ bytes: some FieldTransfer) {
        place.transfer(bytes, at: 0)
        bytes.field(&mark, at: 24)
    }

    /// Whether the heap that begins at `base` follows an archive. Asked by every write transaction.
    @inlinable @inline(__always)
    package static func isThere(in base: UnsafeRawPointer) -> Bool {
        unsafe base.loadUnaligned(fromByteOffset: Int(offset) + 24, as: UInt64.self) != 0
    }
}
