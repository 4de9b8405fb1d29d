import CHoldfast
import Synchronization

/// Where a program made a mistake, as far as its trap can find out: the operation, the type of
/// the handle, the root and the heap.
///
/// Everything here is found in the trap. A handle has no room for it, and passing it along would
/// slow down calls that are right.
public struct MisuseScene {
    private let access: HeapAccess?
    /// The heap, if no transaction tells it.
    private let heap: String?
    /// The type of the handle and what was done with it, such as `PersistentArray<Int>.append(_:)`;
    /// empty if unknown.
    private let operation: String
    /// The root that the handle belongs to, and the path from it; nil if unknown.
    private let path: String?

    public init(_ access: HeapAccess) {
        self.init(access, "")
    }

    /// The mistake is not one with a handle.
    public init(_ access: HeapAccess, _ operation: String) {
        self.access = access
        self.operation = operation
        heap = nil
        path = nil
    }

    /// There is no transaction.
    public init(_ operation: String, heap: String? = nil) {
        access = nil
        self.operation = operation
        self.heap = heap
        path = nil
    }

    /// `type` names several types, with "or" between them, if the handle cannot tell. `operation`
    /// is the name of a member, or a noun; empty if it is not known.
    public init(_ access: HeapAccess, _ type: String, _ operation: String, at place: UInt64) {
        self.access = access
        heap = nil
        let found = PlaceFinder.shared.find(access, place)
        path = found?.path
        // A handle within another one, such as a string's array, does not know what it is part of.
        let name = type.contains(" or ") ? found?.type ?? type : type
        let isMember = !operation.contains(" ") && !name.contains(" or ")
        let separator = operation.isEmpty ? "" : isMember ? "." : ", "
        self.operation = name + separator + operation
    }

    /// Whether the handle's transaction is open.
    public var isOpen: Bool { access?.isOpen ?? true }

    /// Whether the handle has never been in a heap.
    var isDetached: Bool { access?.isDetached ?? false }

    /// One sentence; empty if nothing is known.
    var text: String {
        let heap = access.map { $0.isOpen ? $0.heapPath : $0.originPath } ?? heap
        let known = [operation, path ?? ""].filter { !$0.isEmpty }
        guard !known.isEmpty else { return heap.map { "It was done in the heap \($0)." } ?? "" }
        let all = known + (heap.map { ["of the heap \($0)"] } ?? [])
        return "It was done in: \(all.joined(separator: ", "))."
    }
}

/// Finds the root that leads to a place. The layers above, which know roots, provide the search.
public final class PlaceFinder: Sendable {
    /// What a root has at a place.
    public struct Found: Sendable {
        /// The root, and the path from it to the place.
        public let path: String
        /// The type of the root as the program has it, if the root is what stands at the place.
        public let type: String?

        public init(path: String, type: String?) {
            self.path = path
            self.type = type
        }
    }

    public typealias Search = @Sendable (HeapAccess, UInt64) -> Found?

    public static let shared = PlaceFinder()

    private let search = Mutex<Search?>(nil)

    public func use(_ search: @escaping Search) { self.search.withLock { $0 = search } }

    /// The search is forgotten while it runs, so that a trap in it ends with a message too.
    func find(_ access: HeapAccess, _ place: UInt64) -> Found? {
        guard let search = search.withLock({ $0.take() }) else { return nil }
        defer { use(search) }
        return search(access, place)
    }
}

extension HeapAccess {
    /// The path of the heap that the transaction, which is over, belonged to. Nil if that is too
    /// long ago. Its context may belong to another heap by now; only the number tells.
    package var originPath: String? { EpochOrigins.shared.path(of: epoch) }

    /// Whether `hints` belong to the heap of this transaction, which may be over. Other threads may
    /// use them.
    package var hasHintsOfOrigin: Bool {
        guard !isDetached, let origin = originPath else { return false }
        return EpochOrigins.shared.path(of: context.pointee.newestEpoch) == origin
    }

    /// Whether the calling thread has a transaction open, in any heap.
    package static var isInTransaction: Bool { HeapView.innermost != nil }

    /// The innermost transaction that the calling thread has open in the heap at `path`.
    package static func innermost(inHeapAt path: String) -> HeapAccess? {
        var context = HeapView.innermost
        while let found = context {
            let access = HeapAccess(context: found, epoch: found.pointee.epoch)
            if access.heapPath == path { return access }
            context = found.pointee.enclosing
        }
        return nil
    }
}
