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
}
