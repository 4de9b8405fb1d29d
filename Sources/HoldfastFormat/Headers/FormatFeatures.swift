/// What a file uses beyond its version: a bit for each feature, in one of three words, which says
/// what a program may do that does not know the feature. The scheme is that of ext4's superblock.
///
/// Files without any feature have the first version. The words count from the second one on, which
/// programs refuse that are older than the words.
public struct FormatFeatures: Equatable, Sendable {
    /// May be ignored. A program that writes the header keeps them.
    public var compatible: UInt64
    /// The file may be read, but not changed.
    public var readOnlyCompatible: UInt64
    /// The file can be neither read nor changed.
    public var incompatible: UInt64

    public init(
        compatible: UInt64 = 0, readOnlyCompatible: UInt64 = 0, incompatible: UInt64 = 0
    ) {
        self.compatible = compatible
        self.readOnlyCompatible = readOnlyCompatible
        self.incompatible = incompatible
    }

    /// Of data files, read-only compatible: the heap follows an archive; see `FollowedState`.
    package static let following: UInt64 = 1

    /// The features of the files that this library knows.
    static let known = FormatFeatures(readOnlyCompatible: following)

    package var isEmpty: Bool { self == FormatFeatures() }

    /// The features that this library must know, and does not, to read the file or to change it.
    public func unknown(forWriting: Bool) -> UInt64 {
        let unreadable = incompatible & ~Self.known.incompatible
        return forWriting
            ? unreadable | readOnlyCompatible & ~Self.known.readOnlyCompatible : unreadable
    }

    mutating func transfer(_ bytes: some FieldTransfer, at offset: Int) {
        bytes.field(&compatible, at: offset)
        bytes.field(&readOnlyCompatible, at: offset + 8)
        bytes.field(&incompatible, at: offset + 16)
    }
}
