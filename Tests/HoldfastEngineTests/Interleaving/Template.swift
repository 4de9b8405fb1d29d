#if DEBUG
    import TestSupport

    @testable import HoldfastEngine

    /// A heap from which all runs of a scenario begin.
    struct Template {
        var files: [String: [UInt8]] = [:]
        var cells: UInt64 = 0
        var block: UInt64 = 0
        var root: UInt64 = 0
        var commits = 0

        init() throws {
            let disk = SimulatedDisk()
            disk.recordsContents = false
            var options = EngineOptions()
            options.initialLogBytes = 64 * 1024
            options.reservesBlocks = false
            let engine = try HeapEngine(
                path: SharedRun.path, mode: .readWrite, options: options, disk: disk)
            try engine.change { access in
                cells = access.allocate(byteCount: 2 * 4096)
                access.markFresh(cells, 2 * 4096)
                access.address(cells, 2 * 4096).initializeMemory(
                    as: UInt8.self, repeating: 0, count: 2 * 4096)
                block = access.allocate(byteCount: 56 * 1024)
                root = access.allocate(byteCount: 64)
                access.store(UInt64(0), at: root + 16)
                access.catalogue = root
            }
            try engine.close()
            files = disk.currentFiles()
        }
    }
#endif
