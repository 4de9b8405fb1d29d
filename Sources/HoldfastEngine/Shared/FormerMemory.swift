import Synchronization

/// The shared memory that an opening used before it was suspended.
///
/// A reader looks for its seat without any lock (`ReaderBias`): a thread that was interrupted there
/// may still count itself in a seat of the former memory, and take that back, long after the
/// opening has gone on with other memory. So the addresses stay valid as long as the opening
/// exists. Once nothing else refers to the memory, they are all that is left of it: the file and
/// its descriptor are given back. Any thread.
final class FormerMemory: Sendable {
    private let all = Mutex<[SharedMemory]>([])

    /// Keeps `shared`, which an image has just ceased to use.
    func keep(_ shared: SharedMemory) {
        all.withLock { if !$0.contains(where: { $0 === shared }) { $0.append(shared) } }
    }

    /// Reduces to their addresses those that nobody refers to.
    func tidy() {
        all.withLock { all in
            for index in all.indices where isKnownUniquelyReferenced(&all[index]) {
                all[index].clear()
            }
        }
    }

    /// For tests.
    var count: Int { all.withLock { $0.count } }
}
