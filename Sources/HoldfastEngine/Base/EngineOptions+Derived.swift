import HoldfastFormat
import HoldfastSystem

extension EngineOptions {
    /// The same options with every number clamped to a range that is safe to compute with: from 0
    /// to the most log or memory that a heap can have.
    var inRange: EngineOptions {
        var options = self
        let most = Int(HeapLayout.maximumBytes)
        options.logLimit = min(max(logLimit, 1), most)
        options.memoryLimit = min(max(memoryLimit, 0), most)
        options.initialLogBytes = min(max(initialLogBytes, 1), options.logLimit)
        options.keptBytesPerLogByte = min(max(keptBytesPerLogByte, 0), most)
        options.viewBudget = min(max(viewBudget, 0), most)
        options.compactLogBytes = min(max(compactLogBytes, 0), most)
        options.readerImages = min(max(readerImages, 0), 64)
        return options
    }

    /// The options for a heap in memory, which is new, and which no other process can open.
    var ofHeapInMemory: EngineOptions {
        var options = self
        options.createsIfMissing = true
        options.isSnapshot = false
        options.salvages = false
        options.process = LoneProcess()
        return options
    }

    /// The options for a snapshot of a heap opened with these.
    func ofSnapshot(
        _ isCancelled: (@Sendable () -> Bool)?, mayBeEnded: Bool = false
    ) -> EngineOptions {
        var options = self
        options.mayBeEnded = mayBeEnded
        options.isCancelled = isCancelled ?? options.isCancelled
        options.isSnapshot = true
        options.verifiesPages = false
        options.verifiesDirtyTracking = false
        return options
    }

    /// The options for building a packed copy.
    var ofPackedCopy: EngineOptions {
        var options = self
        options.isSnapshot = false
        options.reservesBlocks = true
        return options
    }

    /// The options for the opening that puts a heap at rest after its last reader. It is needed
    /// because a snapshot or a private copy may outlive all writers.
    var ofLastReader: EngineOptions {
        var options = EngineOptions()
        options.createsIfMissing = false
        options.timeout = .zero
        options.reservesBlocks = reservesBlocks
        options.allowsNetworkFileSystems = allowsNetworkFileSystems || isExclusive
        options.process = process
        return options
    }
}
