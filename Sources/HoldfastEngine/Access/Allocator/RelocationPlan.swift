import HoldfastFormat

/// Which blocks have to move so that a heap needs as few pages as its contents do.
///
/// The slabs of each size class below a page, the class's *end*, have room for all its blocks; the
/// blocks behind it move there, and empty slabs become free runs. What lies behind the end of the
/// whole heap as it should be moves before that one too, into those runs.
package struct RelocationPlan {
    /// The page where the heap should end.
    let end: UInt64
    /// The page before which the blocks of each size class should lie; the largest number if they
    /// are close together as it is.
    let classEnds: [UInt64]
    /// The bytes of the blocks that have to move.
    package let bytesToMove: Int
    /// The slabs of each size class that had free blocks where they should be, and how many of them
    /// have been used up.
    private var targets: [(slabs: [UInt32], used: Int)]

    /// What a class or the heap may take beyond what it needs, as the divisor of what it needs.
    /// Moving for less takes more time than it frees space.
    private static let slack = 16

    private struct Slab {
        let page: UInt64
        let used: Int
    }

    /// Plans for a heap whose page map begins at `base`. Trusts it.
    ///
    /// Complexity: O(runs of pages).
    init(base: UnsafeRawPointer, end pages: UInt64) {
        var slabs = [[Slab]](repeating: [], count: SizeClass.count)
        var runs: [(end: UInt64, pages: Int)] = []
        var needed = 0
        for run in PageWalk(base: base, end: pages) {
            let page = UInt64(run.pages.lowerBound)
            switch run.kind {
            case .run:
                runs.append((UInt64(run.pages.upperBound), run.pages.count))
                needed += run.pages.count
            case .slab:
                guard
                    let header = SlabClass.header(page: page, sizeClass: run.sizeClass, in: base)
                else { continue }
                slabs[Int(run.sizeClass)].append(
                    Slab(page: page, used: Int(header.blocks) - Int(header.freeBlocks)))
            case .free: break
            default: needed += run.pages.count
            }
        }
        var classEnds = [UInt64](repeating: .max, count: SizeClass.count)
        for (sizeClass, slabs) in slabs.enumerated() where !slabs.isEmpty {
            let shape = SizeClass.shapes[sizeClass]
            let used = slabs.reduce(0) { $0 + $1.used }
            // Somewhat more than they fill, so that others find free blocks too.
            let wanted = (used + used / (2 * Self.slack) + shape.blocks - 1) / shape.blocks
            needed += min(wanted, slabs.count) * Int(shape.pages)
            if slabs.count > wanted + wanted / Self.slack {
                classEnds[sizeClass] = slabs[wanted].page
            }
        }
        end = UInt64(needed + needed / Self.slack)
        self.classEnds = classEnds
        var bytesToMove = 0
        targets = []
        for (sizeClass, slabs) in slabs.enumerated() {
            let shape = SizeClass.shapes[sizeClass]
            let limit = min(classEnds[sizeClass], end)
            var targets: [UInt32] = []
            for slab in slabs {
                if slab.page + UInt64(shape.pages) > limit {
                    bytesToMove += slab.used * shape.blockBytes
                } else if slab.used < shape.blocks {
                    targets.append(UInt32(slab.page))
                }
            }
            self.targets.append((targets, 0))
        }
        for run in runs where run.end > end { bytesToMove += run.pages * HeapLayout.pageBytes }
        self.bytesToMove = bytesToMove
    }

    /// Adds a slab that was made for blocks to move to.
    mutating func addTarget(_ page: UInt64, sizeClass: Int) {
        targets[sizeClass].slabs.append(UInt32(page))
    }

    /// The first slab of the class that `hasRoom`; nil if there is none. Slabs without room are not
    /// asked for again.
    mutating func target(sizeClass: Int, hasRoom: (_ page: UInt64) -> Bool) -> UInt64? {
        while targets[sizeClass].used < targets[sizeClass].slabs.count {
            let page = UInt64(targets[sizeClass].slabs[targets[sizeClass].used])
            if hasRoom(page) { return page }
            targets[sizeClass].used += 1
        }
        return nil
    }
}

extension HeapAccess {
    /// A plan for the heap as this transaction sees it. O(runs of pages).
    package var relocationPlan: RelocationPlan {
        RelocationPlan(base: context.pointee.base, end: Allocator(access: self).end)
    }
}
