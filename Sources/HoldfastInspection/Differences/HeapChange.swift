import Holdfast

/// A difference between two heaps, or between two states of one heap. See
/// `PersistentHeap.differences(from:roots:knowing:_:)`.
///
/// Values and keys are JSON (RFC 8259) on one line, in the form that exports have.
///
/// A value of its own; it may be kept, and used on any thread.
public struct HeapChange: Equatable, Sendable {
    /// What has happened at the path.
    public enum Kind: String, Sendable {
        /// Only the newer heap has something there.
        case added
        /// Only the older heap has something there.
        case removed
        /// Both have something there, and it differs.
        case changed
    }

    /// A step of the path from a root to what differs.
    public enum Part: Hashable, Sendable {
        /// The key of a map's entry, an element of a set, or the number of a table's row.
        case key(String)
        /// The index of an element of an array or a deque. Changes are meant to be applied in their
        /// order: an index is that of the array as the changes before have left it.
        case index(Int)
        /// A field of a struct or record.
        case field(String)
        /// A value of the payload of an enum's case, by the name of the case and the number of the
        /// value, counted from 0.
        case payload(String, Int)
        /// A record that only references lead to, by its number. Only at the beginning of a path.
        case record(Int)
    }

    /// The name of the root.
    public let root: String
    /// The way from the root to what differs. Empty for the root itself. References and optionals
    /// have no step of their own.
    public let path: [Part]
    /// What has happened there.
    public let kind: Kind
    /// The value in the older heap; nil if there is none, as of an element of a set, which is in
    /// the path, or if its parts follow as changes of their own.
    public let old: String?
    /// The value in the newer heap; nil under the same conditions.
    public let new: String?
    /// The type in the older heap, of a root that was removed or has another type now.
    public let oldType: TypeDescription?
    /// The type in the newer heap, of a root that was added or had another type.
    public let newType: TypeDescription?

    /// Creates a change.
    public init(
        root: String, path: [Part], kind: Kind, old: String? = nil, new: String? = nil,
        oldType: TypeDescription? = nil, newType: TypeDescription? = nil
    ) {
        self.root = root
        self.path = path
        self.kind = kind
        self.old = old
        self.new = new
        self.oldType = oldType
        self.newType = newType
    }
}
