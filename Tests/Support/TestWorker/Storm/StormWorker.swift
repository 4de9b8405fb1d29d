import Holdfast
import HoldfastEngine
import HoldfastInspection
import TestSupport

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The main activity of a storm process.
enum StormRole: String {
    case writer, reader, keeper, opener, builder
}

/// One process of a storm. It exits with status 0 when asked to end, and with another status and a
/// line in the storm's report if anything is wrong.
final class StormWorker {
    struct Problem: Error { var text: String }
    private struct Abort: Error {}

    let folder: String
    let seat: Int
    let role: StormRole
    let seed: UInt64
    let board: Scoreboard
    var random: SplitMix
    var path: String { folder + "/storm.heap" }
    private var place = "start"

    init(folder: String, seat: Int, role: StormRole, seed: UInt64) {
        self.folder = folder
        self.seat = seat
        self.role = role
        self.seed = seed
        random = SplitMix(state: seed)
        do { board = try Scoreboard(folder + "/board") } catch { fatalError("\(error)") }
    }

    func run() {
        Stopping.watch()
        do {
            switch role {
            case .builder: while !Stopping.isWanted { try build() }
            case .opener:
                while !Stopping.isWanted {
                    try open(turns: Int.random(in: 0 ..< 6, using: &random))
                }
            case .reader: while !Stopping.isWanted { try open(turns: 40) }
            case .writer, .keeper: try open(turns: .max)
            }
            exit(0)
        } catch {
            report("\((error as? Problem)?.text ?? "\(error)")")
            exit(10)
        }
    }

    private func report(_ text: String) {
        let line =
            "seed \(seed), seat \(seat) (\(role.rawValue)), process \(getpid()), \(place): "
            + "\(text)\n"
        guard let file = fopen(folder + "/report", "a") else { return }
        fputs(line, file)
        fclose(file)
    }

    /// Records the current activity of this process, and counts it when it is done.
    func during<R>(_ phase: Scoreboard.Phase, _ count: Scoreboard.Word, _ body: () throws -> R)
        rethrows -> R
    {
        place = "\(phase)"
        board[seat, .phase] = phase.rawValue
        let result = try body()
        board[seat, .phase] = Scoreboard.Phase.idle.rawValue
        board.raise(seat, count, to: board[seat, count] + 1)
        return result
    }

    private func chance(_ percent: Int) -> Bool {
        Int.random(in: 0 ..< 100, using: &random) < percent
    }

    // MARK: One opening

    private func open(turns: Int) throws {
        var options = PersistentHeap.Options()
        // Small, so that rings wrap and grow, checkpoints are always running and private pages are
        // dropped.
        options.logLimit = 256 << 10
        options.memoryLimit = 4 << 20
        // Expires only if the kernel or the engine fails to pass on a lock, whatever the machine's
        // load. (A shorter timeout measures the load: with 22 processes on two cores, twenty
        // seconds were not enough for all openings and closings.) The waiting times are among the
        // figures.
        options.timeout = .seconds(180)
        options.checkpointsInBackground = chance(50)
        options.reservesDiskSpace = chance(70)
        options.verifiesPages = chance(10)
        let mode: OpenMode = role == .reader && chance(40) ? .readOnly : .readWrite
        let heap: PersistentHeap
        do {
            heap = try during(.opening, .openings) {
                try PersistentHeap.open(path, mode: mode, options: options)
            }
        } catch HeapError.notFound where mode == .readOnly {
            usleep(500)
            return
        }
        if mode == .readWrite { try takeSeat(heap) }
        let reading = mode == .readWrite && chance(60) ? ReadingThread(heap, board) : nil
        var turn = 0
        while turn < turns, !Stopping.isWanted {
            try act(heap, mode)
            turn += 1
        }
        if let problem = reading?.end() { throw Problem(text: problem) }
        try during(.closing, .closings) { try heap.close() }
    }

    /// The previous process in this seat may have died in the middle of a commit: that commit is
    /// present or not, but all commits for which `write` returned must be.
    private func takeSeat(_ heap: PersistentHeap) throws {
        try look(heap)
        let found = try heap.read { tx in try StormHeap(tx)?.sequence(of: seat) ?? 0 }
        board[seat, .returned] = found
        board[seat, .inside] = 0
    }

    private func act(_ heap: PersistentHeap, _ mode: OpenMode) throws {
        switch (role, Int.random(in: 0 ..< 100, using: &random)) {
        case (.keeper, ..<20): try during(.checkpointing, .checkpoints) { try heap.checkpoint() }
        case (.keeper, ..<35): _ = try during(.compacting, .compactions) { try heap.compact() }
        case (.keeper, ..<60): try sync(heap)
        case (.keeper, ..<70): try copy(heap)
        case (.keeper, ..<80): try during(.checking, .checks) { try check(heap) }
        case (.keeper, ..<90): try commit(heap)
        case (.writer, ..<80) where mode == .readWrite, (.opener, ..<60) where mode == .readWrite:
            try commit(heap)
        case (.writer, ..<84), (.opener, ..<70): try sync(heap)
        case (.reader, ..<15), (.writer, ..<86): try keepSnapshot(heap)
        default: try during(.reading, .views) { try look(heap) }
        }
    }

    // MARK: Operations

    private func commit(_ heap: PersistentHeap) throws {
        let isDurable = chance(5)
        let aborts = chance(4)
        try during(.writing, .commits) {
            let began = now()
            var sequence: UInt64 = 0
            do {
                try heap.write(durability: isDurable ? .device : .process) { tx in
                    board[seat, .inside] = 1
                    board.raise(seat, .longestWait, to: now() - began)
                    let roots = try StormHeap(tx)
                    sequence = roots.sequence(of: seat) + 1
                    // Before any process can see it.
                    if !aborts { board[seat, .started] = sequence }
                    roots.change(seat: seat, &random)
                    if chance(6), let problem = roots.problem(floor: board.all(.synced)) {
                        throw Problem(text: "in a write transaction: \(problem)")
                    }
                    if aborts { throw Abort() }
                    board[seat, .inside] = 2
                }
                // From here on every process must see it.
                board[seat, .returned] = sequence
                if isDurable { board.raise(seat, .synced, to: sequence) }
            } catch is Abort {}
            board[seat, .inside] = 0
        }
    }

    private func sync(_ heap: PersistentHeap) throws {
        try during(.syncing, .checks) {
            let returned = board.all(.returned)
            try heap.sync()
            // The commits of all processes, not only of this one.
            for (seat, sequence) in returned.enumerated() {
                board.raise(seat, .synced, to: sequence)
            }
        }
    }

    /// Checks a view: it contains all commits acknowledged before it was opened, and none that were
    /// not begun.
    private func look(_ heap: PersistentHeap) throws {
        let floor = board.all(.returned)
        try heap.read { tx in
            let roots = try StormHeap(tx)
            if let problem = roots.problem(floor, board) {
                throw Problem(text: "in a view: \(problem)")
            }
        }
    }

    private func keepSnapshot(_ heap: PersistentHeap) throws {
        try during(.snapshot, .snapshots) {
            let floor = board.all(.returned)
            let snapshot = try heap.snapshot()
            let first = try snapshot.read { tx in
                let roots = try StormHeap(tx)
                if let problem = roots.problem(floor, board) {
                    throw Problem(text: "in a snapshot: \(problem)")
                }
                return roots?.digest()
            }
            for _ in 0 ..< Int.random(in: 1 ..< 5, using: &random) {
                usleep(UInt32.random(in: 0 ..< 20_000, using: &random))
                let again = try snapshot.read { tx in try StormHeap(tx)?.digest() }
                guard again == first else { throw Problem(text: "a snapshot has changed") }
            }
            try snapshot.close()
        }
    }

    private func copy(_ heap: PersistentHeap) throws {
        let copy = folder + "/copy-\(seat).heap"
        try during(.copying, .copies) {
            let floor = board.all(.returned)
            try heap.copy(to: copy, replacing: true)
            let opened = try PersistentHeap.open(copy, mode: chance(50) ? .readOnly : .privateCopy)
            try opened.read { tx in
                let roots = try StormHeap(tx)
                if let problem = roots.problem(floor, board) {
                    throw Problem(text: "in a copy: \(problem)")
                }
            }
            let problems = try opened.audit().problems
            guard problems.isEmpty else { throw Problem(text: "the audit of a copy: \(problems)") }
            try opened.close()
        }
    }

    private func check(_ heap: PersistentHeap) throws {
        let result = try heap.check()
        guard result.isSound else { throw Problem(text: "the check: \(result)") }
        let problems = try heap.audit().problems
        guard problems.isEmpty else { throw Problem(text: "the audit: \(problems)") }
    }

    // MARK: Building

    /// A heap with one array that holds its generation's number many times. Every opening finds one
    /// whole generation, no older than the last acknowledged one.
    private func build() throws {
        let path = folder + "/built.heap"
        try during(.building, .builds) {
            let promised = board[seat, .built]
            var generation: UInt64 = 0
            do {
                let heap = try PersistentHeap.open(
                    path, mode: chance(50) ? .readOnly : .privateCopy)
                generation = try heap.read { tx in
                    let numbers = try tx.array("numbers", of: UInt64.self)
                    guard let first = numbers.first, numbers.allSatisfy({ $0 == first }) else {
                        throw Problem(text: "a built heap of \(numbers.count) numbers is mixed")
                    }
                    return first
                }
                let problems = try heap.audit().problems
                guard problems.isEmpty else {
                    throw Problem(text: "the audit of a built heap: \(problems)")
                }
                try heap.close()
            } catch HeapError.notFound where promised == 0 {}
            guard generation >= promised, generation <= board[seat, .buildBegun] else {
                throw Problem(
                    text: "the built heap is generation \(generation), but \(promised) was promised"
                )
            }
            board[seat, .buildBegun] = generation + 1
            let count = Int.random(in: 1 ..< 4000, using: &random)
            let fails = chance(10)
            do {
                try PersistentHeap.build(path, replacing: true) { tx in
                    let numbers = try tx.array("numbers", of: UInt64.self)
                    numbers.append(contentsOf: repeatElement(generation + 1, count: count))
                    if fails { throw Abort() }
                }
                board[seat, .built] = generation + 1
            } catch is Abort {}
        }
    }
}

extension Optional<StormHeap> {
    /// The first violated invariant of a view. Before the first commit, only checks that nothing is
    /// missing.
    func problem(_ floor: [UInt64], _ board: Scoreboard) -> String? {
        guard let self else {
            return floor.prefix(while: { $0 == 0 }).count == floor.count ? nil : "the heap is empty"
        }
        return self.problem(floor: floor) ?? self.problem(ceiling: board.all(.started))
    }
}
