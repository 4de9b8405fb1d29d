import HoldfastEngine

/// Moves what the roots of one heap hold to a new heap, block by block: what a copy that packs
/// does.
///
/// Each persistable type moves its own stored form, see ``Persistable/moveOwned(at:by:)``. A block
/// is copied as it is, and the places in it that lead to other blocks are set right as those move;
/// so nothing is decoded, and what several references lead to stays one. The source must have been
/// verified: here everything is trusted.
///
/// Values that are nested deeply wait in a list instead of on the stack, so any depth can be moved.
public final class BlockMover {
    let source: HeapAccess
    let target: HeapAccess
    /// Asked now and then whether to go on, with the bytes that have been moved.
    private let mayGoOn: (Int) -> Bool
    private var movedBytes = 0
    private var nextReport = 0
    private(set) var wasCancelled = false
    /// Whether a type was met that does not say how it is moved: what has been made must not be
    /// kept then.
    var cannotGoOn = false

    private struct Record {
        let newPlace: UInt64
        var isMoved: Bool
    }

    /// Where the records have gone that have moved, or that references lead to, by where they were.
    private var records: [UInt64: Record] = [:]
    /// Records that only references have led to so far; and values that are nested too deeply to be
    /// moved at once.
    private var referred: [(oldPlace: UInt64, type: any ReferenceTarget.Type)] = []
    private var waiting: [(place: UInt64, type: any Persistable.Type)] = []
    private var depth = 0
    private static let mostLevels = 16

    init(from source: HeapAccess, to target: HeapAccess, mayGoOn: @escaping (Int) -> Bool) {
        self.source = source
        self.target = target
        self.mayGoOn = mayGoOn
    }

    /// Moves all roots: `moveCatalogue` moves the catalogue that the word at a place leads to.
    func run(_ moveCatalogue: (_ place: UInt64) -> Void) {
        guard source.catalogue != 0 else { return }
        let word = target.allocate(for: UInt64.self)
        target.store(source.catalogue, at: word)
        moveCatalogue(word)
        target.catalogue = target.load(word, as: UInt64.self)
        target.free(word, byteCount: 8)
        while !wasCancelled {
            if let (place, type) = waiting.popLast() {
                move(type, at: place)
            } else if let (oldPlace, type) = referred.popLast() {
                // One that an owner has claimed meanwhile is there already.
                if !records[oldPlace]!.isMoved { fill(oldPlace, type) }
            } else {
                return
            }
        }
    }

    // MARK: Blocks

    /// Copies the block that the word at `place` of the new heap leads to in the old one, lets the
    /// word lead to the copy, and returns its place.
    func moveBlock(at place: UInt64, byteCount: Int, alignment: Int) -> UInt64 {
        let block = target.allocate(byteCount: byteCount, alignment: alignment)
        copy(byteCount, from: target.load(place, as: UInt64.self), to: block)
        target.store(block, at: place)
        return block
    }

    /// Copies bytes of the old heap to a block of the new one.
    func copy(_ byteCount: Int, from oldPlace: UInt64, to place: UInt64) {
        guard byteCount > 0 else { return }
        target.markFresh(place, byteCount)
        target.address(place, byteCount).copyMemory(
            from: source.address(oldPlace, byteCount), byteCount: byteCount)
        movedBytes += byteCount
        guard movedBytes >= nextReport else { return }
        nextReport = movedBytes + 1 << 20
        if !mayGoOn(movedBytes) { wasCancelled = true }
    }

    // MARK: Values

    /// Moves what the stored form at `place` of the new heap owns, now or later.
    func move<Value: Persistable>(_ type: Value.Type, at place: UInt64) {
        guard !wasCancelled, !cannotGoOn else { return }
        guard depth < Self.mostLevels else { return waiting.append((place, type)) }
        depth += 1
        Value.moveOwned(at: place, by: self)
        depth -= 1
    }

    /// The same for stored forms that lie one behind the other.
    func move<Value: Persistable>(_ type: Value.Type, at place: UInt64, count: Int) {
        guard Value.holdsPlaces else { return }
        for index in 0 ..< count {
            move(type, at: place + UInt64(index * MemoryLayout<Value.Stored>.stride))
        }
    }

    /// The place in the new heap of what lies at an address of it.
    func place<T>(of pointer: UnsafeMutablePointer<T>) -> UInt64 {
        UInt64(UnsafeMutableRawPointer(pointer) - target.context.pointee.base)
    }

    // MARK: Records

    /// Moves the record that the word at `place` leads to, unless it has moved, and lets the word
    /// lead to it.
    func moveRecord<Target: ReferenceTarget>(_ type: Target.Type, at place: UInt64) {
        let oldPlace = target.load(place, as: UInt64.self)
        target.store(newPlace(oldPlace, type), at: place)
        if !records[oldPlace]!.isMoved { fill(oldPlace, type) }
    }

    /// Lets the word at `place` lead to where the record is or will be; who owns it moves it.
    func moveReference<Target: ReferenceTarget>(to type: Target.Type, at place: UInt64) {
        let oldPlace = target.load(place, as: UInt64.self)
        if records[oldPlace] == nil { referred.append((oldPlace, type)) }
        target.store(newPlace(oldPlace, type), at: place)
    }

    private func newPlace<Target: ReferenceTarget>(_ oldPlace: UInt64, _ type: Target.Type)
        -> UInt64
    {
        if let known = records[oldPlace] { return known.newPlace }
        let block = target.allocate(
            byteCount: type.recordBlock.byteCount, alignment: RecordBlock.alignment)
        records[oldPlace] = Record(newPlace: block, isMoved: false)
        return block
    }

    private func fill<Target: ReferenceTarget>(_ oldPlace: UInt64, _ type: Target.Type) {
        let block = records[oldPlace]!.newPlace
        records[oldPlace]!.isMoved = true
        copy(type.recordBlock.byteCount, from: oldPlace, to: block)
        type.moveFields(of: block, by: self)
    }
}

extension Persistable {
    public static var holdsPlaces: Bool { ownsMemory }

    /// For types that hold no places.
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if holdsPlaces { mover.cannotGoOn = true }
    }
}
