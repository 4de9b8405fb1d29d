import TestSupport

#if os(Linux)
    import Foundation
    import Glibc
    import Testing

    @testable import Holdfast

    /// Limits that a program meets by size alone: each is an error of the transaction, and the heap
    /// is unchanged.
    @Suite(
        .progress,
        .disabled(
            if: ProcessLimits.hasSanitizer, "a sanitizer needs more addresses than the limits leave"
        ))
    struct ShortageTests {
        /// Small collections of each kind, so that the effects of a lost transaction are visible.
        private enum Contents {
            static func make(_ tx: borrowing WriteTransaction) throws {
                let map = try tx.map("map", Int.self, Data.self)
                let words = try tx.map("words", String.self, Int.self)
                let array = try tx.array("array", of: Int.self)
                let sorted = try tx.sortedMap("sorted", String.self, Int.self)
                let deque = try tx.deque("deque", of: Int.self)
                let set = try tx.set("set", of: Int.self)
                let bytes = try tx.bytes("bytes")
                let bits = try tx.bitSet("bits")
                for number in 0 ..< 1000 {
                    map[number] = Data(repeating: UInt8(number & 255), count: 100)
                    words["a word that takes a block, \(number)"] = number
                    array.append(number)
                    sorted["a key that takes a block, \(number)"] = number
                    deque.append(number)
                    set.insert(number)
                    bits.insert(number)
                }
                bytes.append(contentsOf: Data(repeating: 7, count: 1000))
            }

            static func isWhole(_ tx: borrowing ReadTransaction) throws -> Bool {
                let map = try tx.map("map", Int.self, Data.self)
                let words = try tx.map("words", String.self, Int.self)
                let array = try tx.array("array", of: Int.self)
                let sorted = try tx.sortedMap("sorted", String.self, Int.self)
                let deque = try tx.deque("deque", of: Int.self)
                let set = try tx.set("set", of: Int.self)
                let bytes = try tx.bytes("bytes")
                let bits = try tx.bitSet("bits")
                guard map.count == 1000, words.count == 1000, array.count == 1000,
                    sorted.count == 1000, deque.count == 1000,
                    set.count == 1000, bytes.count == 1000, bits.count == 1000
                else { return false }
                for number in 0 ..< 1000 {
                    guard map[number] == Data(repeating: UInt8(number & 255), count: 100),
                        array[number] == number,
                        words["a word that takes a block, \(number)"] == number,
                        deque[number] == number, set.contains(number),
                        sorted["a key that takes a block, \(number)"] == number
                    else { return false }
                }
                return true
            }
        }

        private enum Growth: String, CaseIterable, Codable {
            case values, array, appended, map, words, sorted, deque, set, bytes, bits, inserted,
                blocks, nested

            static let tried: [Growth] = TestExtent.choose(
                quick: [.values, .bits, .inserted, .blocks], full: allCases)

            /// Far more than the limits of the tests allow.
            func run(_ tx: borrowing WriteTransaction) throws {
                let piece = Data(repeating: 1, count: 1 << 20)
                switch self {
                case .values:
                    let map = try tx.map("map", Int.self, Data.self)
                    for number in 0 ..< 400 { map[number] = piece }
                case .array:
                    let array = try tx.array("array", of: Int.self)
                    var rest = 100_000
                    while rest > 0 {
                        array.append(rest)
                        if tx.errorToCome != nil { rest -= 1 }
                    }
                case .appended:
                    let array = try tx.array("array", of: Int.self)
                    let numbers = [Int](repeating: 3, count: 1 << 17)
                    for _ in 0 ..< 400 { array.append(contentsOf: numbers) }
                case .map:
                    let map = try tx.map("map", Int.self, Data.self)
                    let small = Data(repeating: 2, count: 3000)
                    for number in 0 ..< 60_000 { map[number] = small }
                case .words:
                    let words = try tx.map("words", String.self, Int.self)
                    let long = String(repeating: "long ", count: 20_000)
                    for number in 0 ..< 2500 { words["\(long)\(number)"] = number }
                    require(words.count >= 1000, "words were lost")
                case .sorted:
                    let sorted = try tx.sortedMap("sorted", String.self, Int.self)
                    let long = String(repeating: "long ", count: 20_000)
                    for number in 0 ..< 2500 { sorted["\(number) \(long)"] = number }
                case .deque:
                    let deque = try tx.deque("deque", of: Int.self)
                    let numbers = [Int](repeating: 3, count: 1 << 17)
                    for _ in 0 ..< 300 { deque.append(contentsOf: numbers) }
                    for _ in 0 ..< 1000 {
                        deque.prepend(1)
                        deque.append(2)
                        deque.insert(3, at: 1)
                        _ = deque.popFirst()
                    }
                case .set:
                    let set = try tx.set("set", of: String.self)
                    for number in 0 ..< 2500 {
                        set.insert("\(number)" + String(repeating: "x", count: 100_000))
                    }
                case .bytes:
                    let bytes = try tx.bytes("bytes")
                    for _ in 0 ..< 400 { bytes.append(contentsOf: piece) }
                    bytes.append(upTo: 1 << 31) { (buffer: UnsafeMutableBufferPointer<UInt8>) in
                        min(buffer.count, 5)
                    }
                    bytes.resize(to: 1 << 40)
                    bytes.insert(contentsOf: piece, at: 3)
                    bytes.write(piece, at: bytes.count)
                case .bits:
                    try tx.bitSet("bits").insert(1 << 40)
                case .inserted:
                    let array = try tx.array("array", of: Int.self)
                    // Few large pieces: each moves all that is there.
                    let numbers = [Int](repeating: 3, count: 1 << 20)
                    for _ in 0 ..< 40 where tx.errorToCome == nil {
                        array.insert(contentsOf: numbers, at: 0)
                    }
                    for _ in 0 ..< 10 {
                        array.insert(1, at: 0)
                        array.insert(contentsOf: numbers, at: 1)
                    }
                case .blocks:
                    for _ in 0 ..< 400 {
                        let block = tx.allocate(byteCount: 1 << 20)
                        if tx.errorToCome != nil { tx.free(block, byteCount: 1 << 20) }
                    }
                case .nested:
                    let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
                    let numbers = [Int](repeating: 3, count: 1 << 12)
                    for number in 0 ..< 6000 {
                        lists[creating: number].append(contentsOf: numbers)
                    }
                }
            }
        }

        /// Runs in a child process, under a limit that is set when the heap is open.
        private static func isRefused(
            _ growth: Growth, allowing limit: (Int) -> Void, _ mode: OpenMode = .readWrite
        ) throws {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let heap = try PersistentHeap.open(folder.file(), options: options)
            if growth == .set {
                try heap.write { try Contents.make($0) }
                try heap.write { tx in
                    try tx.removeRoot(named: "set")
                    let set = try tx.set("set", of: String.self)
                    set.insert("one")
                }
            } else {
                try heap.write { try Contents.make($0) }
            }
            limit(120 << 20)
            var thrown: HeapError?
            do { try heap.write { try growth.run($0) } } catch let error as HeapError {
                thrown = error
            }
            guard case .tooLarge(let path, let bytes) = thrown else {
                fatalError("\(growth): thrown was \(thrown.map { "\($0)" } ?? "nothing")")
            }
            require(path == folder.file() && bytes > 1 << 20, "the error is another: \(thrown!)")
            if growth != .set {
                require(
                    try heap.read { try Contents.isWhole($0) },
                    "\(growth): the heap is not as before")
            }
            // It can be used as before.
            try heap.write { try $0.value("after", initial: 0).value = 4711 }
            let problems = try heap.check().problems
            require(problems.isEmpty, "\(growth): \(problems)")
            try heap.close()
            let again = try PersistentHeap.open(folder.file())
            if growth != .set {
                require(
                    try again.read { try Contents.isWhole($0) }, "\(growth): the heap was not kept")
            }
            require(
                try again.read { try $0.value("after", of: Int.self).value } == 4711,
                "the next transaction was lost")
            try again.close()
        }

        @Test func addressesThatRunOutAreAnErrorOfTheTransaction() async {
            await #expect(processExitsWith: .success) {
                for growth in Growth.tried where growth != .nested {
                    withoutOtherThreads {
                        try Self.isRefused(growth) { ProcessLimits.allowAddresses($0) }
                    }
                }
            }
        }

        /// Allocations that cannot be skipped use the reserved memory.
        @Test func collectionsAreMadeInALostTransaction() async {
            await #expect(processExitsWith: .success) {
                withoutOtherThreads {
                    try Self.isRefused(.nested) { ProcessLimits.allowAddresses($0) }
                }
            }
        }

        @Test func dataThatRunsOutIsAnErrorOfTheTransaction() async {
            await #expect(processExitsWith: .success) {
                for growth in TestExtent.choose(
                    quick: [Growth.array], full: [.values, .array, .bytes, .map])
                {
                    withoutOtherThreads {
                        try Self.isRefused(growth) { ProcessLimits.allowData($0) }
                    }
                }
            }
        }

        /// A transaction with more before-images than there is memory.
        @Test func beforeImagesThatFindNoMemoryAreAnErrorOfTheTransaction() async {
            await #expect(processExitsWith: .success) {
                let folder = try TemporaryFolder()
                var options = PersistentHeap.Options()
                options.checkpointsInBackground = false
                let heap = try PersistentHeap.open(folder.file(), options: options)
                let count = 12 << 20
                try heap.write { tx in
                    let array = try tx.array("array", of: Int.self)
                    array.append(contentsOf: [Int](repeating: 5, count: count))
                }
                try heap.checkpoint()
                try heap.write { try $0.value("other", initial: 0).value = 1 }
                ProcessLimits.allowAddresses(60 << 20)
                var thrown: HeapError?
                do {
                    try heap.write { tx in
                        let array = try tx.array("array", of: Int.self)
                        // An element of each line.
                        for index in stride(from: 0, to: count, by: 8) { array[index] = 6 }
                    }
                } catch let error as HeapError { thrown = error }
                guard case .outOfMemory = thrown else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                let isAsBefore = try heap.read { tx in
                    let array = try tx.array("array", of: Int.self)
                    return stride(from: 0, to: count, by: 8).allSatisfy { array[$0] == 5 }
                }
                require(isAsBefore, "the changes were not taken back")
                try heap.write { try $0.value("other", initial: 0).value += 1 }
                // Inspecting a heap of this size needs more.
                ProcessLimits.set(RLIMIT_AS, Int(Int32.max) << 16)
                require(try heap.check().problems.isEmpty, "the heap is damaged")
                try heap.close()
                let again = try PersistentHeap.open(folder.file())
                require(
                    try again.read { try $0.value("other", of: Int.self).value } == 2,
                    "a commit was lost")
            }
        }

        /// A failed build is discarded as a whole.
        @Test func aBuildThatFindsNoRoomLeavesNothing() async {
            await #expect(processExitsWith: .success) {
                let folder = try TemporaryFolder()
                ProcessLimits.allowAddresses(200 << 20)
                var thrown: HeapError?
                do {
                    try PersistentHeap.build(folder.file()) { tx in
                        let bytes = try tx.bytes("bytes")
                        let piece = Data(repeating: 1, count: 1 << 20)
                        for _ in 0 ..< 400 { bytes.append(contentsOf: piece) }
                    }
                } catch let error as HeapError { thrown = error }
                guard case .tooLarge = thrown else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                require(folder.names.isEmpty, "left: \(folder.names)")
            }
        }

        @Test func manyHeapsUnderALimitForAddresses() async {
            await #expect(processExitsWith: .success) {
                let folder = try TemporaryFolder()
                ProcessLimits.set(RLIMIT_AS, 8 << 30)
                var options = PersistentHeap.Options()
                options.checkpointsInBackground = false
                let heaps = try (0 ..< 50).map {
                    try PersistentHeap.open(folder.file("\($0).heap"), options: options)
                }
                for (number, heap) in heaps.enumerated() {
                    try heap.write { try $0.value("n", initial: 0).value = number }
                }
                // The last one grows as well as the first.
                for heap in [heaps[49], heaps[0]] {
                    try heap.write {
                        try $0.bytes("bytes").append(
                            contentsOf: Data(repeating: 1, count: 200 << 20))
                    }
                }
                var thrown: HeapError?
                do {
                    try heaps[49].write { tx in
                        let bytes = try tx.bytes("more")
                        let piece = Data(repeating: 1, count: 16 << 20)
                        for _ in 0 ..< 600 where tx.errorToCome == nil {
                            bytes.append(contentsOf: piece)
                        }
                    }
                } catch let error as HeapError { thrown = error }
                guard case .tooLarge = thrown else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                for (number, heap) in heaps.enumerated() {
                    require(
                        try heap.read { try $0.value("n", of: Int.self).value } == number,
                        "heap \(number) is another")
                }
            }
        }

        /// A heap that gets no descriptor is refused with the reason, and open heaps continue.
        @Test func heapsUnderALimitForOpenFiles() async {
            await #expect(processExitsWith: .success) {
                withoutOtherThreads { try Self.refusesWhatHasNoDescriptor() }
            }
        }

        private static func refusesWhatHasNoDescriptor() throws {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            func open(_ number: Int, _ mode: OpenMode = .readWrite) throws -> PersistentHeap {
                try PersistentHeap.open(
                    folder.file("\(number).heap"), mode: mode, options: options)
            }
            // Inherited files leave gaps in the numbers, which are filled before the limit is set.
            func highestFile() -> Int {
                let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                return open?.compactMap { Int($0) }.max() ?? 0
            }
            for number in 0 ..< 20 {
                let heap = try open(number)
                try heap.write { try $0.value("n", initial: 0).value = number }
                try heap.close()
            }
            let writers = try (0 ..< 10).map { try open($0) }
            for writer in writers {
                try writer.write { try $0.value("n", initial: 0).value += 1 }
            }
            let readers = try (10 ..< 20).map { try open($0, .readOnly) }
            for _ in 0 ..< 3 {
                for (number, reader) in readers.enumerated() {
                    require(
                        try reader.read { try $0.value("n", of: Int.self).value } == number
                            + 10, "another value")
                }
            }
            try writers[0].write {
                try $0.bytes("b").append(contentsOf: Data(repeating: 1, count: 20 << 20))
            }
            let highest = highestFile()
            var filler: Int32
            repeat {
                filler = dup(1)
                require(filler >= 0, "no descriptor")
            } while filler <= highest
            ProcessLimits.set(RLIMIT_NOFILE, highest + 4)
            var thrown: HeapError?
            do { _ = try (20 ..< 25).map { try open($0) } } catch let error as HeapError {
                thrown = error
            }
            require(
                thrown.map { "\($0)".contains("Too many open files") } == true,
                "\(String(describing: thrown))")
            _ = ProcessLimits.allowFiles()
            for heap in writers + readers { try heap.close() }
        }

        @Test func aThousandHeaps() async {
            await #expect(processExitsWith: .success) {
                guard ProcessLimits.allowFiles() > 4000 else {
                    return print("SKIPPED: the system allows too few open files")
                }
                // A disk in memory creates a thousand files quickly.
                let folder =
                    access("/dev/shm", W_OK) == 0
                    ? "/dev/shm/holdfast-\(getpid())"
                    : NSTemporaryDirectory() + "holdfast-\(getpid())"
                mkdir(folder, 0o700)
                defer { try? FileManager.default.removeItem(atPath: folder) }
                var options = PersistentHeap.Options()
                options.checkpointsInBackground = false
                let heaps = try (0 ..< 1000).map {
                    try PersistentHeap.open("\(folder)/\($0).heap", options: options)
                }
                for number in [0, 500, 999] {
                    try heaps[number].write {
                        try $0.bytes("b").append(contentsOf: Data(repeating: 1, count: 100 << 20))
                    }
                    require(
                        try heaps[number].read { try $0.bytes("b").count } == 100 << 20,
                        "heap \(number) is another")
                    try heaps[number].close()
                }
            }
        }

        @Test func heapsInMemoryMeetLimitsToo() async {
            await #expect(processExitsWith: .success) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { try Contents.make($0) }
                ProcessLimits.allowAddresses(120 << 20)
                var thrown: HeapError?
                do { try heap.write { try Growth.values.run($0) } } catch let error as HeapError {
                    thrown = error
                }
                guard case .tooLarge = thrown else {
                    fatalError("thrown was \(thrown.map { "\($0)" } ?? "nothing")")
                }
                require(try heap.read { try Contents.isWhole($0) }, "the heap is not as before")
                try heap.write { try $0.value("after", initial: 0).value = 1 }
            }
        }

        /// A sequence of changes works without a thread too.
        @Test func changesWithoutAThread() async {
            await #expect(processExitsWith: .success) {
                let folder = try TemporaryFolder()
                let heap = try await PersistentHeap.open(folder.file())
                try await heap.write { try $0.value("v", initial: 0).value = 1 }
                let before = heap.version
                // Less than a thread's stack.
                ProcessLimits.allowAddresses(1 << 20)
                let changes = heap.changes
                ProcessLimits.set(RLIMIT_AS, Int(Int32.max) << 16)
                try await heap.write { try $0.value("v", initial: 0).value = 2 }
                var iterator = changes.makeAsyncIterator()
                let version = await iterator.next()
                require(version.map { before < $0 } == true, "the change was not noticed")
                try heap.close()
                require(await iterator.next() == nil, "the sequence did not end")
            }
        }

        /// If a closure throws an error of its own after it has met a limit, that error is
        /// rethrown.
        @Test func theClosuresOwnErrorComesFirst() throws {
            struct Own: Error {}
            let heap = try PersistentHeap.inMemory()
            #expect(throws: Own.self) {
                try heap.write { tx in
                    try tx.array("a", of: Int.self).reserveCapacity(.max)
                    #expect(tx.errorToCome != nil)
                    throw Own()
                }
            }
            try heap.write { tx in
                #expect(tx.errorToCome == nil)
                try tx.array("a", of: Int.self).append(1)
            }
            #expect(try heap.read { try $0.array("a", of: Int.self).count } == 1)
        }
    }
#endif
