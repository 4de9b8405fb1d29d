import HoldfastFormat

/// Two words of the allocator's root that belong to the layer above.
extension HeapAccess {
    /// The offset that the layer above keeps its named roots at; 0 in a new heap.
    public var catalogue: UInt64 {
        get { load(AllocatorRoot.catalogueField) }
        nonmutating set { store(newValue, at: AllocatorRoot.catalogueField) }
    }

    /// A number that only goes up, with every change that was announced by `catalogueWillChange`
    /// and committed, by whichever process.
    @inline(__always)
    public var catalogueVersion: UInt64 { load(AllocatorRoot.catalogueVersionField) }

    /// Announces that a root is added, removed or renamed, or gets another place.
    public func catalogueWillChange() {
        store(catalogueVersion &+ 1, at: AllocatorRoot.catalogueVersionField)
    }

    /// Whether this transaction may have changed the catalogue's version (it may also have changed
    /// what lies in the same line).
    public var isCatalogueChanging: Bool {
        isWritable && isDirty(line: AllocatorRoot.catalogueVersionField &>> HeapLayout.lineShift)
    }
}
