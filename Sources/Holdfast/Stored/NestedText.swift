import HoldfastEngine
import HoldfastSystem

extension HeapAccess {
    /// The text of a collection that `body` makes, or `[…]` where it would stand more than
    /// `mostTextLevels` of them deep: each level's text holds those of all levels below it, and a
    /// deep chain's would take time and memory by the square of its depth. One in no heap is empty.
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
