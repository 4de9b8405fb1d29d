import CPeers

// Allocators of a program's own memory, whose blocks are gone with the process.

/// The C library's.
struct MallocBlocks: BlockPeer {
    private let blocks: AllocatorBlocks

    init(newAt path: String, bytes: Int) {
        let table = UnsafeMutablePointer<allocator>.allocate(capacity: 1)
        defer { table.deallocate() }
        malloc_load(table)
        blocks = AllocatorBlocks(table: table.pointee)
    }

    func close() {}
    func allocate(_ count: Int, bytes: Int, into all: inout [UnsafeMutableRawPointer]) {
        blocks.allocate(count, bytes: bytes, into: &all)
    }
    func free(_ all: [UnsafeMutableRawPointer], bytes: Int) { blocks.free(all) }
    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<UnsafeMutableRawPointer>]) {
        blocks.churn(steps, in: &slots)
    }
}

/// Microsoft's, as a library of its own: its functions are called by name, and the program's
/// `malloc` stays the C library's.
enum Mimalloc {
    fileprivate static let library: (functions: allocator?, missing: String?) = {
        let table = UnsafeMutablePointer<allocator>.allocate(capacity: 1)
        if let missing = mimalloc_load(table) { return (nil, String(cString: missing)) }
        return (table.pointee, nil)
    }()

    static var missing: String? { library.missing }
    static var isThere: Bool { missing == nil }
}

struct MimallocBlocks: BlockPeer {
    private let blocks = AllocatorBlocks(table: Mimalloc.library.functions!)

    init(newAt path: String, bytes: Int) {}

    func close() {}
    func allocate(_ count: Int, bytes: Int, into all: inout [UnsafeMutableRawPointer]) {
        blocks.allocate(count, bytes: bytes, into: &all)
    }
    func free(_ all: [UnsafeMutableRawPointer], bytes: Int) { blocks.free(all) }
    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<UnsafeMutableRawPointer>]) {
        blocks.churn(steps, in: &slots)
    }
}

private struct AllocatorBlocks {
    let table: allocator

    @inline(__always)
    func allocate(_ count: Int, bytes: Int, into blocks: inout [UnsafeMutableRawPointer]) {
        let allocate = table.allocate
        for _ in 0 ..< count { blocks.append(allocate(bytes)!) }
    }

    @inline(__always)
    func free(_ blocks: [UnsafeMutableRawPointer]) {
        let release = table.release
        for block in blocks { release(block) }
    }

    @inline(__always)
    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<UnsafeMutableRawPointer>]) {
        let (allocate, release) = (table.allocate, table.release)
        for step in steps {
            if let block = slots[step.slot].block { release(block) }
            slots[step.slot] = Slot(block: allocate(step.bytes), bytes: step.bytes)
        }
    }
}
