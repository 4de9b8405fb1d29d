#if os(Linux)
    import Foundation
    import Glibc
    import Holdfast
    import HoldfastEngine
    import HoldfastInspection
    import TestSupport
    import Testing

    /// What a heap in memory takes from the system, and what it does without it. Each test runs in
    /// a process of its own.
    @Suite(.progress) struct InMemoryLimitTests {
        @Test func descriptorsAreReleased() async {
            await #expect(processExitsWith: .success) {
                func count() -> Int {
                    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count)
                        ?? -1
                }
                func use() throws {
                    let heap = try PersistentHeap.inMemory()
                    try heap.write { try $0.value("v", initial: 0).value = 1 }
                    let snapshot = try heap.snapshot()
                    try heap.write { try $0.value("v", initial: 0).value = 2 }
                    try heap.checkpoint()
                    try snapshot.close()
                    _ = try heap.snapshot()
                    try heap.close()
                }
                try use()
                let before = count()
                for _ in 0 ..< 100 { try use() }
                let after = count()
                guard before == after else { fatalError("\(before) descriptors, then \(after)") }
            }
        }

        @Test func withoutDescriptorsThereIsAnError() async {
            await #expect(processExitsWith: .success) {
                // A test process can inherit descriptors of others.
                var limit: Int32 = 0
                var free = 0
                while free < 60 {
                    if fcntl(limit, F_GETFD) < 0 { free += 1 }
                    limit += 1
                }
                ProcessLimits.set(RLIMIT_NOFILE, Int(limit))
                var heaps: [PersistentHeap] = []
                var thrown: HeapError?
                while thrown == nil {
                    do {
                        let heap = try PersistentHeap.inMemory()
                        heaps.append(heap)
                        try heap.write { try $0.value("v", initial: 0).value = 1 }
                    } catch let error as HeapError { thrown = error }
                }
                // Whether the heap or its log lacks one depends on their number.
                guard case .io(operation: "open", let path, code: EMFILE) = thrown,
                    path.hasPrefix("(in memory)")
                else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                // A heap that has its files goes on without more of them.
                guard heaps.count > 10 else { fatalError("only \(heaps.count) heaps") }
                try heaps[0].write { try $0.value("v", initial: 0).value += 1 }
                let snapshot = try heaps[0].snapshot()
                guard try snapshot.read({ try $0.value("v", of: Int.self).value }) == 2 else {
                    fatalError("the snapshot is another")
                }
                for heap in heaps { try heap.close() }
                heaps = []
                try PersistentHeap.inMemory().write { try $0.value("v", initial: 0).value = 1 }
            }
        }

        /// What the system does not grant is an error of the transaction that needs it.
        @Test func growthThatIsRefusedIsAnError() async {
            await #expect(processExitsWith: .success) {
                signal(SIGXFSZ, SIG_IGN)
                let heap = try PersistentHeap.inMemory()
                try heap.write { try $0.bytes("b").append(contentsOf: [1]) }
                ProcessLimits.set(RLIMIT_FSIZE, 4 << 20)
                var thrown: HeapError?
                do {
                    try heap.write {
                        try $0.bytes("b").append(contentsOf: Data(repeating: 2, count: 8 << 20))
                    }
                } catch let error as HeapError { thrown = error }
                guard thrown == .fileTooLarge(path: "(in memory)") else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                try heap.write { try $0.bytes("b").append(contentsOf: [3]) }
                guard try heap.read({ Array(try $0.bytes("b")) }) == [1, 3] else {
                    fatalError("the heap is not as before")
                }
                guard try heap.check().isSound else { fatalError("the heap is damaged") }
                try heap.close()
            }
        }
    }
#endif
