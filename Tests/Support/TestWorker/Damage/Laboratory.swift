import Foundation
import Holdfast
import HoldfastInspection
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Runs trials in child processes, many in each, and continues with the next trial after a child
/// dies.
final class Laboratory {
    /// Words shared by parent and children.
    private enum Word {
        static let number = 0
        static let phase = 1
        static let outcomes = 8
        static let trapped = 20
        static let failures = 21
    }

    private let seed: UInt64
    private let bases: [Base]
    private let allSums: Set<Int>
    private let words: UnsafeMutablePointer<Int>
    private let errorFile: Int32
    private let keepFolder: String?
    /// A trial that takes longer counts as hung.
    private static let seconds: UInt32 = 30
    private static let batch = 2000

    init(seed: UInt64, keepFolder: String?) throws {
        self.seed = seed
        self.keepFolder = keepFolder
        bases = try Base.all()
        allSums = bases.reduce(into: []) { $0.formUnion($1.sums) }
        let memory = mmap(
            nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | Laboratory.anonymous, -1, 0)!
        words = memory.bindMemory(to: Int.self, capacity: 512)
        var template = Array("/tmp/holdfast-damage-XXXXXX".utf8CString)
        errorFile = mkstemp(&template)
        unlink(template)
    }

    #if canImport(Darwin)
        private static let anonymous = MAP_ANON
    #else
        private static let anonymous = MAP_ANONYMOUS
    #endif

    /// Trials `first`, `first + step` … below `end`. Returns the number of failures; each is
    /// printed.
    func run(from first: Int, to end: Int, step: Int) -> Int {
        var next = first
        while next < end {
            ftruncate(errorFile, 0)
            lseek(errorFile, 0, SEEK_SET)
            words[Word.number] = next
            // With all bases in memory. The laboratory has one thread.
            let child = ForkedChild.begin()
            if child == 0 { runBatch(from: next, to: end, step: step) }
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0 {}
            let number = words[Word.number]
            if status != 0 { judge(number, status) }
            next = number + step
        }
        return words[Word.failures]
    }

    private func runBatch(from first: Int, to end: Int, step: Int) -> Never {
        dup2(errorFile, 2)
        signal(SIGALRM, SIG_DFL)
        // Most deaths of trials are expected, so core files are useless.
        var noCore = rlimit()
        #if canImport(Darwin)
            setrlimit(RLIMIT_CORE, &noCore)
        #else
            setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &noCore)
        #endif
        for number in stride(from: first, to: min(end, first + Self.batch * step), by: step) {
            words[Word.number] = number
            enter(.making)
            alarm(Self.seconds)
            do {
                let trial = Trial(seed: seed, number: number, bases: bases)
                let outcome = try trial.run(allSums: allSums, enter)
                words[Word.outcomes + outcome.rawValue] += 1
            } catch {
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                _exit(3)
            }
        }
        _exit(0)
    }

    /// Does with kept files what a trial does, and prints the result.
    static func replay(_ prefix: String) throws {
        var files: [String: [UInt8]] = [:]
        for suffix in Base.suffixes {
            files[Base.path + suffix] =
                (try? Data(contentsOf: URL(filePath: "\(prefix)-base.heap\(suffix)"))).map {
                    [UInt8]($0)
                }
        }
        for mode in [OpenMode.readOnly, .readWrite] {
            let disk = SimulatedDisk(files: files)
            switch Result(catching: { try Base.open(disk, mode: mode) }) {
            case .failure(let error): print("\(mode): \(error)")
            case .success(let heap):
                print(
                    Result(catching: {
                        try heap.check(knowing: [Shipment.self, Broad.self, Shade.self])
                    }))
                print(Result(catching: { try heap.read { try DamageContents.sum($0) } }))
                try? heap.close()
            }
        }
    }

    private func enter(_ phase: Trial.Phase) { words[Word.phase] = phase.rawValue }

    /// Judges the death of a child: a trap with a message where that is permitted, or else a
    /// failure.
    private func judge(_ number: Int, _ status: Int32) {
        let said = complaint()
        let phase = Trial.Phase(rawValue: words[Word.phase]) ?? .making
        let signal = status & 0x7f
        let isTrap =
            said.contains("Holdfast: ")
            && (signal == SIGILL || signal == SIGTRAP || signal == SIGABRT)
        if isTrap && phase.mayTrap {
            words[Word.trapped] += 1
            return
        }
        words[Word.failures] += 1
        let trial = Trial(seed: seed, number: number, bases: bases)
        let how = signal == SIGALRM ? "hung" : signal == 0 ? "failed" : "died of signal \(signal)"
        print(
            "trial \(number) \(how) while \(phase): \(trial.description)\n    \(said.prefix(400))")
        if let keepFolder {
            for (name, bytes) in trial.files {
                let file = URL(filePath: keepFolder).appending(
                    path: "\(number)-\(URL(filePath: name).lastPathComponent)")
                try? Data(bytes).write(to: file)
            }
        }
    }

    private func complaint() -> String {
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = pread(errorFile, &bytes, bytes.count, 0)
        return String(decoding: bytes[..<max(count, 0)], as: UTF8.self).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    /// The outcomes of the trials so far.
    var summary: [(name: String, count: Int)] {
        Trial.Outcome.allCases.map { ("\($0)", words[Word.outcomes + $0.rawValue]) }
            + [("trapped", words[Word.trapped]), ("failures", words[Word.failures])]
    }
}
