import HoldfastEngine
import HoldfastSystem

extension HeapAccess {
    /// Returns the text of a collection that `body` makes, or `[…]` below `mostTextLevels` levels.
    /// Each level's text contains those of all levels below it, so a deep chain would take time and
    /// memory quadratic in its depth. Empty for a collection that is in no heap.
    func text(_ body: () -> String) -> String {
        if isDetached { return "[]" }
        guard isOpen else { return body() }
        let level = context.pointee.textLevel
        guard level < Self.mostTextLevels else { return "[…]" }
        context.pointee.textLevel = level + 1
        defer { context.pointee.textLevel = level }
        return DeepStack.run(body)
    }

    private static var mostTextLevels: Int { 100 }
}
