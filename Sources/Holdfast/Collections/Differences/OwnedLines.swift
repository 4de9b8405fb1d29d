import HoldfastEngine
import HoldfastSystem

/// Walks all blocks that a stored form owns, to collect their lines or to find out whether one of
/// them is in a set of changed lines.
///
/// If the form itself and no line of these blocks have changed between two states, neither has the
/// value: the form leads to the same first block, whose bytes are the same, and so on.
///
/// It uses what every persistable type can do, to verify itself, and believes all that it finds.
/// References are not followed: their targets are not owned, or not by this value alone.
struct OwnedLines: BlockVerifier {
    let access: HeapAccess
    /// The lines of all blocks, if they are collected.
    private(set) var lines: LineSet?
    private let changed: LineSet?
    /// Whether a block has a changed line, or the walk has met something unexpected.
    private(set) var isTouched = false
    private(set) var problemCount = 0
    private var level = 0
    private var postponed: [(inout OwnedLines) -> Void] = []
    /// This many entries of `postponed` belong to an outer walk, which reads its data whole.
    private var firstPostponed = 0
    /// Less than the bytes of the heap, unless a damaged heap has a cycle.
    private var claimedBytes: UInt64 = 0

    /// Collects lines in `lines`.
    init(_ access: HeapAccess, collectingIn lines: LineSet) {
        self.access = access
        self.lines = lines
        changed = nil
    }

    /// Looks for lines that are in `changed`.
    init(_ access: HeapAccess, changed: LineSet) {
        self.access = access
        self.changed = changed
    }

    /// Whether what the stored form at `place` owns has a line in `changed`.
    static func areTouched<Value: Persistable>(
        _ type: Value.Type, at place: UInt64, _ changed: LineSet, in access: HeapAccess
    ) -> Bool {
        var walk = OwnedLines(access, changed: changed)
        Value.verify(at: place, in: &walk)
        return walk.isTouched
    }

    /// A walk ends early once its result is known.
    var wasCancelled: Bool { isTouched || lines?.isComplete ?? false }

    mutating func claim(
        _ offset: UInt64, byteCount: Int, alignment: Int, _ what: @autoclosure () -> String
    ) -> Bool {
        let end = access.context.pointee.byteCount
        guard byteCount >= 0, offset <= end, UInt64(byteCount) <= end - offset else {
            report("")
            return false
        }
        claimedBytes += UInt64(byteCount)
        if claimedBytes > end { report("") }
        if let changed, changed.intersects(bytesAt: offset, count: byteCount) { isTouched = true }
        lines?.insert(bytesAt: offset, count: byteCount)
        return !wasCancelled
    }

    /// A value that does not verify is damaged. Whoever reads it finds out.
    mutating func report(_ problem: String) {
        problemCount += 1
        isTouched = true
        lines?.insertAll()
    }

    mutating func within(_ step: VerificationStep, _ body: (inout OwnedLines) -> Void) {
        if !wasCancelled { DeepStack.run { body(&self) } }
    }

    mutating func enterLevel() -> Bool {
        guard level < 16 else { return false }
        level += 1
        return true
    }

    mutating func leaveLevel() {
        level -= 1
        guard level == 0 else { return }
        while postponed.count > firstPostponed, let work = postponed.popLast() {
            if wasCancelled { continue }
            level = 1
            work(&self)
            level = 0
        }
    }

    mutating func postpone(_ work: @escaping (inout OwnedLines) -> Void) { postponed.append(work) }

    mutating func completely(_ body: (inout OwnedLines) -> Void) {
        let outer = (level, firstPostponed)
        (level, firstPostponed) = (0, postponed.count)
        DeepStack.run { body(&self) }
        (level, firstPostponed) = outer
    }

    mutating func follow<Record: ReferenceTarget>(
        _ offset: UInt64, to type: Record.Type, shares: Bool
    ) {}

    mutating func verifyRoot(
        describedAs description: String?, fingerprint: UInt64, placeAt place: UInt64
    ) {}
}
