import MemoryMapping

/// The parts of the memory that a heap takes unless the program says otherwise.
///
/// Where memory is scarce, they leave most of it to the page cache and to the program: a control
/// group that is full of private pages and of a log that is not on the disk yet has nothing to give
/// back, and the system kills a process of it.
public struct MemoryShares: Sendable {
    /// What the machine has, or what the process's control group may use.
    let memory: Int

    /// The shares of what this process can have.
    public static let usual = MemoryShares(memory: MemoryLimit.bytes)

    /// The default of `EngineOptions.logLimit`.
    public var log: Int { min(64 << 20, memory / 16) }
    /// The default of `EngineOptions.memoryLimit`.
    public var pages: Int { min(256 << 20, memory / 8) }
    /// The default of `EngineOptions.viewBudget`.
    public var views: Int { min(1 << 30, memory / 4) }
    /// The default of `EngineOptions.transactionLimit`. What a transaction changes cannot be given
    /// back before it ends, so this is what can be had.
    public var transaction: Int { memory / 4 * 3 }
}
