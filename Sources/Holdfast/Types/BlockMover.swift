import HoldfastEngine

/// Moves the contents of one heap's roots to a new heap, block by block. This is how a packed copy
/// is made. With a `BlockRelocation`, moves blocks within a heap instead: source and target are
/// then the same.
///
/// Each persistable type moves its own stored form, see ``Persistable/moveOwned(at:by:)``. A block
/// is copied unchanged, and the places in it that lead to other blocks are updated as those blocks
/// move. So nothing is decoded, and the target of several references remains one object. The source
/// must have been verified: nothing is checked here.
///
/// Deeply nested values wait in a list instead of on the stack, so any depth can be moved.
public final class BlockMover {
    let source: HeapAccess
    let target: HeapAccess
    /// Nil if this makes a packed copy.
    let relocation: BlockRelocation?
    /// Called now and then, with the number of bytes moved so far. Returns whether to continue.
    private let mayGoOn: (Int) -> Bool
    private var movedBytes = 0
    private var nextReport = 0
    private(set) var wasCancelled = false
    /// Whether a type was encountered that does not implement moving. The new heap must then be
    /// discarded.
    var cannotGoOn = false

    private struct Record {
        let newPlace: UInt64
        var isMoved: Bool
    }

    /// The new places of records that have moved, or that references lead to, by their old places.
    private var records: [UInt64: Record] = [:]
    /// Records that only references have led to so far, and values that are nested too deeply to be
    /// moved at once.
    private var referred: [(oldPlace: UInt64, type: any ReferenceTarget.Type)] = []
    private var waiting: [(place: UInt64, type: any Persistable.Type)] = []
    private var depth = 0
    private static let mostLevels = 16

    init(from source: HeapAccess, to target: HeapAccess, mayGoOn: @escaping (Int) -> Bool) {
        self.source = source
        self.target = target
        self.mayGoOn = mayGoOn
        relocation = nil
    }

    init(_ relocation: BlockRelocation) {
        source = relocation.access
        target = relocation.access
        self.relocation = relocation
        mayGoOn = { _ in true }
    }

    /// Relocates what the form at `place` leads to, as far as the relocation goes.
    func relocateAll<Value: Persistable>(_ type: Value.Type, at place: UInt64) {
        move(type, at: place)
        relocateWaiting()
    }

    private func relocateWaiting() {
        while let (place, type) = waiting.popLast() { move(type, at: place) }
    }

    /// Calls `body` with the parts of a collection, each of which returns the next one, as far as
    /// the relocation goes.
    func relocateParts(_ count: Int, _ body: (Int) -> Int) {
        relocation!.goThrough(count) { part in
            guard relocation!.isInOutermost else { return body(part) }
            // What is nested too deeply belongs to its part: the walk goes on from there.
            let others = waiting
            waiting = []
            let next = body(part)
            relocateWaiting()
            waiting = others
            return next
        }
    }

    /// Relocates what the stored forms of a contiguous collection lead to.
    func relocateElements<Value: Persistable>(
        _ type: Value.Type, count: Int, placeOf: (_ index: Int) -> UInt64
    ) {
        guard Value.holdsPlaces else { return }
        relocateParts(count) { index in
            move(type, at: placeOf(index))
            return index + 1
        }
    }

    /// Moves the catalogue: `body` moves what the word at a place leads to.
    func moveCatalogue(_ body: (_ place: UInt64) -> Void) {
        guard source.catalogue != 0 else { return }
        // A word in the heap, like those that own other blocks.
        let word = target.allocate(for: UInt64.self)
        target.store(source.catalogue, at: word)
        body(word)
        let new = target.load(word, as: UInt64.self)
        target.free(word, byteCount: MemoryLayout<UInt64>.size)
        if new != target.catalogue { target.catalogue = new }
    }

    /// Moves all roots; `body` moves the catalogue that the word at a place leads to.
    func run(_ body: (_ place: UInt64) -> Void) {
        moveCatalogue(body)
        while !wasCancelled {
            if let (place, type) = waiting.popLast() {
                move(type, at: place)
            } else if let (oldPlace, type) = referred.popLast() {
                // An owner may have claimed and moved the record in the meantime.
                if !records[oldPlace]!.isMoved { fill(oldPlace, type) }
            } else {
                return
            }
        }
    }

    // MARK: Blocks

    /// Copies the block that the word at `place` of the new heap leads to in the old one, points
    /// the word to the copy, and returns its place.
    func moveBlock(at place: UInt64, byteCount: Int, alignment: Int) -> UInt64 {
        if let relocation {
            return relocation.moveBlock(at: place, byteCount: byteCount, alignment: alignment)
        }
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

    /// Moves everything that the stored form at `place` of the new heap owns, now or later.
    func move<Value: Persistable>(_ type: Value.Type, at place: UInt64) {
        guard !wasCancelled, !cannotGoOn else { return }
        if let relocation, !relocation.visit() { return }
        guard depth < Self.mostLevels else { return waiting.append((place, type)) }
        depth += 1
        Value.moveOwned(at: place, by: self)
        depth -= 1
    }

    /// Moves everything that `count` contiguous stored forms own.
    func move<Value: Persistable>(_ type: Value.Type, at place: UInt64, count: Int) {
        guard Value.holdsPlaces else { return }
        for index in 0 ..< count {
            move(type, at: place + UInt64(index * MemoryLayout<Value.Stored>.stride))
        }
    }

    /// Returns the place in the new heap of the data at this address.
    func place<T>(of pointer: UnsafeMutablePointer<T>) -> UInt64 {
        UInt64(UnsafeMutableRawPointer(pointer) - target.context.pointee.base)
    }

    // MARK: Records

    /// Moves the record that the word at `place` leads to, unless it has moved already, and points
    /// the word to it.
    func moveRecord<Target: ReferenceTarget>(_ type: Target.Type, at place: UInt64) {
        if relocation != nil { return relocateRecord(type, at: place, isOwner: true) }
        let oldPlace = target.load(place, as: UInt64.self)
        target.store(newPlace(oldPlace, type), at: place)
        if !records[oldPlace]!.isMoved { fill(oldPlace, type) }
    }

    /// Points the word at `place` to the present or future place of the record. The record's owner
    /// moves it.
    func moveReference<Target: ReferenceTarget>(to type: Target.Type, at place: UInt64) {
        if relocation != nil { return relocateRecord(type, at: place, isOwner: false) }
        let oldPlace = target.load(place, as: UInt64.self)
        if records[oldPlace] == nil { referred.append((oldPlace, type)) }
        target.store(newPlace(oldPlace, type), at: place)
    }

    /// Relocates the record that the word at `place` leads to, if it may move, and what it owns.
    func relocateRecord<Target: ReferenceTarget>(
        _ type: Target.Type, at place: UInt64, isOwner: Bool
    ) {
        if let block = relocation!.moveRecord(type, at: place, isOwner: isOwner) {
            type.moveFields(of: block, by: self)
        }
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

    /// The default for types that contain no places.
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if holdsPlaces { mover.cannotGoOn = true }
    }
}
