import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import TestSupport

/// One damaged heap and the operations on it. Everything is determined by the seed and the number,
/// except the random identities of the bases.
struct Trial {
    let base: Base
    let files: [String: [UInt8]]
    let mutations: [String]
    /// Whether checksums were recomputed after the damage. Reads may then return anything, but must
    /// not fail in other ways.
    let isRepaired: Bool
    /// Whether whole files were exchanged, each of them sound. The result may then be another state
    /// of this heap, or another heap.
    let hasForeignFiles: Bool
    let mode: OpenMode
    let verifiesPages: Bool
    let writes: Bool

    /// The progress of a trial. A heap that the check calls sound must then be readable and
    /// writable throughout.
    enum Phase: Int {
        case making, opening, checking, comparing, readingSound, writingSound, readingDamaged,
            writingDamaged, closing

        /// Whether the process may trap here with a message.
        var mayTrap: Bool { self == .readingDamaged || self == .writingDamaged }
    }

    enum Outcome: Int, CaseIterable {
        case refused, foundByCheck, rightData, otherData, error
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    init(seed: UInt64, number: Int, bases: [Base]) {
        var random = SplitMix(state: seed &+ UInt64(number) &* 0x2545_f491_4f6c_dd1d)
        _ = random.next()
        // The large one takes several times as long as the others.
        let usual = bases.filter { $0.name != "large" }
        base =
            Int.random(in: 0 ..< 40, using: &random) == 0
            ? bases.first { $0.name == "large" }! : usual.randomElement(using: &random)!
        var files = base.files
        var said: [String] = []
        var foreign = false
        for _ in 0 ..< [1, 1, 1, 2, 3].randomElement(using: &random)! {
            var mutation = Mutation.allCases.randomElement(using: &random)!
            // These reveal little, and are soon exhausted.
            if mutation == .foreignFile || mutation == .olderFile,
                Int.random(in: 0 ..< 4, using: &random) > 0
            {
                mutation = .replaceWord
            }
            foreign = foreign || mutation == .foreignFile || mutation == .olderFile
            said.append(mutation.apply(to: &files, of: base, others: usual, &random))
        }
        isRepaired = Bool.random(using: &random)
        if isRepaired { Repair.repair(&files) }
        self.files = files
        mutations = said
        hasForeignFiles = foreign
        mode = Bool.random(using: &random) ? .readWrite : .readOnly
        verifiesPages = Int.random(in: 0 ..< 3, using: &random) == 0
        writes = mode == .readWrite && Int.random(in: 0 ..< 2, using: &random) == 0
    }

    /// Its differences from an empty heap are all of it, or there is an error.
    private func compare(_ heap: PersistentHeap) throws {
        let empty = try PersistentHeap.inMemory()
        defer { try? empty.close() }
        for (old, new) in [(empty, heap), (heap, empty), (heap, heap)] {
            do { try new.differences(from: old) { _ in } } catch is HeapError {}
        }
    }

    /// Pages that an interrupted checkpoint was writing need not match any checksum.
    private var mayBeTorn: Bool {
        base.wasBeingWritten && files[Base.path] != base.files[Base.path]
    }

    var description: String {
        "\(base.name); "
            + "\(mutations.joined(separator: "; "))\(isRepaired ? "; checksums repaired" : ""); "
            + "opened \(mode)"
            + (verifiesPages ? ", verifying pages" : "")
    }

    func run(allSums: Set<Int>, _ enter: (Phase) -> Void) throws -> Outcome {
        enter(.opening)
        let memory = Memory.used
        let size = files.values.reduce(0) { $0 + $1.count }
        func requireModestMemory() throws {
            let more = Memory.used - memory
            if more > 48 << 20 + 8 * size {
                throw Failure(
                    description: "\(more >> 20) MiB of memory for \(size >> 10) KiB of files")
            }
        }
        let disk = SimulatedDisk(files: files)
        disk.recordsContents = false
        var options = Base.options
        options.verifiesPages = verifiesPages
        guard let heap = try? Base.open(disk, mode: mode, options: options) else {
            try requireModestMemory()
            return .refused
        }
        enter(.checking)
        let isSound =
            (try? heap.check(knowing: [Shipment.self, Broad.self, Shade.self]))?.isSound == true
        try requireModestMemory()
        enter(.comparing)
        try compare(heap)
        try requireModestMemory()
        enter(isSound ? .readingSound : .readingDamaged)
        var outcome = isSound ? Outcome.rightData : .foundByCheck
        switch Result(catching: { try heap.read { try DamageContents.sum($0) } }) {
        case .success(let sum):
            let isRight = (hasForeignFiles ? allSums : base.sums).contains(sum)
            if !isRight, !isRepaired, !mayBeTorn, isSound || verifiesPages {
                throw Failure(
                    description:
                        "wrong data from a heap that was "
                        + "\(isSound ? "called sound" : "opened with its pages verified")"
                )
            }
            if !isRight, isSound { outcome = .otherData }
        case .failure(let error as HeapError):
            // A sound heap of this program is fully readable, except for a root with another type.
            if isSound, !isRepaired {
                throw Failure(description: "reading a heap that was called sound failed: \(error)")
            }
            outcome = .error
        case .failure(let error): throw error
        }
        if writes {
            enter(isSound ? .writingSound : .writingDamaged)
            try? heap.write { try DamageContents.disturb($0, step: 90) }
        }
        try requireModestMemory()
        enter(isSound ? .closing : .writingDamaged)
        try? heap.close()
        return outcome
    }
}

/// This process's private memory.
enum Memory {
    /// Bytes of writable private memory, used or not, without mere reservations. 0 if the system
    /// does not report it.
    static var used: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
            return 0
        }
        let fields = text.split(separator: " ")
        return fields.count > 5 ? (Int(fields[5]) ?? 0) * 4096 : 0
    }
}
