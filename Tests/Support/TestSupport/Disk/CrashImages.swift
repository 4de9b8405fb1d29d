import MemoryMapping

/// The possible states of the disk after a power cut. Walks a disk's journal forward and, after any
/// call, makes images of possible disk contents.
///
/// Rules: synced data is present. Data that was pending when a sync failed is lost, although the
/// cache shows it. Of each unsynced write, every 512-byte sector is present or not, independently.
/// An unsynced change of a file's size has happened or not. Names that were created, moved or
/// removed since the last sync of their folder are present or not, each move as a whole; a folder
/// is a name too, and takes what is in it along. In a file that is mapped shared, any sector may be
/// as last synced or as it was at the power cut. All choices come from one seed, so an image can be
/// reproduced.
public struct CrashImages {
    private struct File {
        var durable: [UInt8] = []
        /// Each with the call's number in the journal.
        var pending: [(number: Int, call: SimulatedDisk.Call)] = []
    }

    private let journal: [SimulatedDisk.Call]
    private let snapshots: [[Int: [UInt8]]]
    private var files: [Int: File] = [:]
    private var durableNames: [String: Int] = [:]
    private var pendingNames: [(number: Int, call: SimulatedDisk.Call)] = []
    /// The file of each name now, and the file moved by each pending move, by the call's number.
    private var currentNames: [String: Int] = [:]
    private var movedFiles: [Int: Int] = [:]
    /// The folders that have been made since the journal's beginning.
    private var madeFolders: Set<String> = []
    /// The number of calls that have happened.
    public private(set) var position = 0
    /// The part of a failed sync that reached the disk: nothing (0), or sectors chosen with this
    /// seed.
    private let failureSeed: UInt64

    public init(of disk: SimulatedDisk, failureSeed: UInt64 = 0) {
        self.failureSeed = failureSeed
        journal = disk.journal
        snapshots = disk.sharedSnapshots
    }

    public var count: Int { journal.count }

    /// Lets the next call happen.
    public mutating func advance() {
        let call = journal[position]
        let number = position
        position += 1
        switch call {
        case .create(_, let file):
            files[file] = File()
            pendingNames.append((number, call))
            apply(call, number, to: &currentNames)
        case .rename(let from, _):
            movedFiles[number] = currentNames[from]
            pendingNames.append((number, call))
            apply(call, number, to: &currentNames)
        case .remove:
            pendingNames.append((number, call))
            apply(call, number, to: &currentNames)
        case .createFolder(let name):
            madeFolders.insert(name)
            pendingNames.append((number, call))
            apply(call, number, to: &currentNames)
        case .write(let file, _, _), .zero(let file, _, _), .resize(let file, _):
            files[file, default: File()].pending.append((number, call))
        case .sync(let file):
            var state = files[file, default: File()]
            for (_, call) in state.pending { Self.apply(call, to: &state.durable) { _ in true } }
            // The sync included stores through a shared mapping.
            if number < snapshots.count, let contents = snapshots[number][file] {
                state.durable = contents
            }
            state.pending = []
            files[file] = state
        case .failedSync(let file):
            // Linux marks pages clean after a failed write: no later sync writes them. A file's
            // size is the file system's own concern and stays pending.
            var random = SplitMix(state: failureSeed &+ UInt64(number))
            var state = files[file, default: File()]
            var kept: [(number: Int, call: SimulatedDisk.Call)] = []
            for (number, call) in state.pending {
                if case .resize = call { kept.append((number, call)) }
                if failureSeed != 0 {
                    Self.apply(call, to: &state.durable) { _ in random.next() & 1 == 0 }
                }
            }
            state.pending = kept
            files[file] = state
        case .syncDirectory(let folder):
            for (number, call) in pendingNames where Self.folder(of: call) == folder {
                apply(call, number, to: &durableNames)
            }
            pendingNames.removeAll { Self.folder(of: $0.call) == folder }
        }
    }

    /// The folder whose names the call changes; files move within their folder only.
    private static func folder(of call: SimulatedDisk.Call) -> String? {
        switch call {
        case .create(let name, _), .rename(_, let name), .remove(let name), .createFolder(let name):
            PathBytes.folder(of: name)
        case .write, .zero, .resize, .sync, .failedSync, .syncDirectory: nil
        }
    }

    /// The path of a name of an image: those of folders end with a slash.
    static func path(of name: String) -> String {
        name.hasSuffix("/") ? String(name.dropLast()) : name
    }

    /// The treatment of unsynced changes; every seed also selects one of these.
    private enum Strategy: CaseIterable {
        case allLost, allKept, sectorBySector, callByCall, lastTorn, oneFileKept
        /// Everything up to some call and nothing after it, across all files.
        case prefix
    }

    /// The contents of the disk if the power is cut now. A name that ends with a slash is a folder.
    public func image(seed: UInt64) -> [String: [UInt8]] {
        var random = SplitMix(state: seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(position))
        let strategy = Strategy.allCases[Int(random.next() % UInt64(Strategy.allCases.count))]
        let luckyFile = files.keys.sorted().randomElement(using: &random)
        let prefix = Int(random.next() % UInt64(position + 1))
        var contents: [Int: [UInt8]] = [:]
        for (number, file) in files.sorted(by: { $0.key < $1.key }) {
            var bytes = file.durable
            for (callNumber, call) in file.pending {
                let isLast = callNumber == file.pending.last!.number
                switch strategy {
                case .allLost: break
                case .allKept: Self.apply(call, to: &bytes) { _ in true }
                case .oneFileKept:
                    if number == luckyFile { Self.apply(call, to: &bytes) { _ in true } }
                case .prefix: if callNumber < prefix { Self.apply(call, to: &bytes) { _ in true } }
                case .callByCall:
                    if random.next() & 1 == 0 { Self.apply(call, to: &bytes) { _ in true } }
                case .sectorBySector: Self.apply(call, to: &bytes) { _ in random.next() & 1 == 0 }
                case .lastTorn:
                    if isLast {
                        let cut = Int(random.next() % 64)
                        Self.apply(call, to: &bytes) { $0 < cut }
                    } else {
                        Self.apply(call, to: &bytes) { _ in true }
                    }
                }
            }
            contents[number] = bytes
        }
        if position > 0, snapshots.count >= position {
            for (number, snapshot) in snapshots[position - 1].sorted(by: { $0.key < $1.key }) {
                let unsynced = random.next() % 3
                if unsynced == 0 { continue }
                var bytes = snapshot
                if unsynced == 1, let old = contents[number] {
                    for start in stride(from: 0, to: bytes.count, by: 512)
                    where random.next() & 1 == 0 {
                        Self.restore(start ..< min(start + 512, bytes.count), of: &bytes, old)
                    }
                }
                contents[number] = bytes
            }
        }
        var names = durableNames
        for (number, call) in pendingNames {
            let happened =
                switch strategy {
                case .prefix: number < prefix
                case .allLost: false
                case .allKept: true
                default: random.next() & 1 == 0
                }
            if happened { apply(call, number, to: &names) }
        }
        // What lies in a folder whose name is lost, is lost too.
        for folder in madeFolders where names[folder + "/"] == nil {
            names = names.filter { !$0.key.hasPrefix(folder + "/") }
        }
        return names.mapValues { contents[$0] ?? [] }
    }

    /// Puts back what a sector was: the bytes of `old`, and zeros beyond its end.
    private static func restore(_ sector: Range<Int>, of bytes: inout [UInt8], _ old: [UInt8]) {
        let kept = min(max(old.count - sector.lowerBound, 0), sector.count)
        bytes.withUnsafeMutableBytes { target in
            let place = target.baseAddress! + sector.lowerBound
            old.withUnsafeBytes { source in
                guard kept > 0 else { return }
                place.copyMemory(from: source.baseAddress! + sector.lowerBound, byteCount: kept)
            }
            (place + kept).initializeMemory(
                as: UInt8.self, repeating: 0, count: sector.count - kept)
        }
    }

    private static func apply(
        _ call: SimulatedDisk.Call, to bytes: inout [UInt8], keeping sector: (Int) -> Bool
    ) {
        switch call {
        case .resize(_, let size):
            guard sector(0) else { return }
            if size < bytes.count {
                bytes.removeLast(bytes.count - size)
            } else {
                bytes += [UInt8](repeating: 0, count: size - bytes.count)
            }
        case .zero(_, let offset, let count):
            // Never beyond the file's end, even if an earlier growth was lost.
            let written = [UInt8](repeating: 0, count: max(min(count, bytes.count - offset), 0))
            apply(.write(file: 0, offset: offset, bytes: written), to: &bytes, keeping: sector)
        case .write(_, let offset, let written):
            var start = 0
            var number = 0
            while start < written.count {
                // Sectors are the disk's: they begin at multiples of 512 of the file, not of the
                // write.
                let end = min(written.count, (offset + start) / 512 * 512 + 512 - offset)
                if sector(number) {
                    if bytes.count < offset + end {
                        bytes += [UInt8](repeating: 0, count: offset + end - bytes.count)
                    }
                    bytes.withUnsafeMutableBytes { target in
                        written.withUnsafeBytes { source in
                            (target.baseAddress! + offset + start).copyMemory(
                                from: source.baseAddress! + start, byteCount: end - start)
                        }
                    }
                }
                start = end
                number += 1
            }
        case .create, .sync, .failedSync, .rename, .remove, .createFolder, .syncDirectory: break
        }
    }

    private func apply(_ call: SimulatedDisk.Call, _ number: Int, to names: inout [String: Int]) {
        switch call {
        case .create(let name, let file): names[name] = file
        case .rename(let from, let to):
            // If the creation of the old name was lost, so is its move; another file that still has
            // that name stays in place.
            guard let file = movedFiles[number], names[from] == file else { break }
            names[from] = nil
            names[to] = file
        case .remove(let name): names[name] = nil
        case .createFolder(let name): names[name + "/"] = -1
        case .write, .zero, .resize, .sync, .failedSync, .syncDirectory: break
        }
    }
}
