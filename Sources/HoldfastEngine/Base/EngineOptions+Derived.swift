import HoldfastFormat

extension EngineOptions {
    /// The same with every number in the range that can be computed with: more log or memory than a
    /// heap can have is as good as that much, and less than nothing is nothing.
    var inRange: EngineOptions {
        var options = self
        let most = Int(HeapLayout.maximumBytes)
        options.logLimit = min(max(logLimit, 1), most)
        options.memoryLimit = min(max(memoryLimit, 0), most)
        options.initialLogBytes = min(max(initialLogBytes, 1), options.logLimit)
        options.compactLogBytes = min(max(compactLogBytes, 0), most)
        return options
    }

    /// The options of a snapshot of a heap that was opened with these.
    var ofSnapshot: EngineOptions {
        var options = self
        options.isSnapshot = true
        options.verifiesPages = false
        options.verifiesDirtyTracking = false
        return options
    }

    /// The options of the build of a packed copy.
    var ofPackedCopy: EngineOptions {
        var options = self
        options.isSnapshot = false
        options.reservesBlocks = true
        return options
    }

    /// The options of the opening that puts a heap at rest after its last reader: a snapshot or a
    /// copy of one's own may outlive all writers.
    var ofLastReader: EngineOptions {
        var options = EngineOptions()
        options.createsIfMissing = false
        options.timeout = .zero
        options.reservesBlocks = reservesBlocks
        options.allowsNetworkFileSystems = allowsNetworkFileSystems
        options.processes = processes
        return options
    }
}
