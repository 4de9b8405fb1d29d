import Holdfast

/// Each call is one transaction.
struct HoldfastBlocks: BlockPeer {
    private let heap: PersistentHeap

    init(newAt path: String, bytes: Int) throws { heap = try PersistentHeap.open(path) }

    func close() throws { try heap.close() }

    func allocate(_ count: Int, bytes: Int, into blocks: inout [RelativePointer<UInt8>]) throws {
        try heap.write { tx in for _ in 0 ..< count { blocks.append(tx.allocate(byteCount: bytes)) }
        }
    }

    func free(_ blocks: [RelativePointer<UInt8>], bytes: Int) throws {
        try heap.write { tx in for block in blocks { tx.free(block, byteCount: bytes) } }
    }

    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<RelativePointer<UInt8>>])
        throws
    {
        try heap.write { tx in
            for step in steps {
                if let block = slots[step.slot].block {
                    tx.free(block, byteCount: slots[step.slot].bytes)
                }
                slots[step.slot] = Slot(
                    block: tx.allocate(byteCount: step.bytes), bytes: step.bytes)
            }
        }
    }
}
